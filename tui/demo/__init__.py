"""The embedded demo host: a process of its own with an SSH server, an emulated `multipass` and guests."""

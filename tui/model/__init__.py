"""Facts: what a run, a lease and a host are. Standard library only; nothing here awaits."""

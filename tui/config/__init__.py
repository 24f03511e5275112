"""config.toml, the environment, and who this installation is. No secret is ever kept in a file.

No pydantic here: `dayfly ps` reads the config and must start at once.
"""

from tui.config.edit import add_host, remove_host
from tui.config.file import Config, Names, config_file, load
from tui.config.hosts import default_host, host_entry, known_hosts
from tui.config.identity import client_id, client_owner
from tui.files.folders import config_dir, state_dir

__all__ = [
    "Config",
    "Names",
    "add_host",
    "client_id",
    "client_owner",
    "config_dir",
    "config_file",
    "default_host",
    "host_entry",
    "known_hosts",
    "load",
    "remove_host",
    "state_dir",
]

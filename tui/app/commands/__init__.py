"""Everything that a person can do, a module for each place; `command` says how one is made."""

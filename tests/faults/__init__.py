"""Whatever dies, in whatever second of a run: what must come of it, tried cell by cell."""

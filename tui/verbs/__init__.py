"""The headless commands, a file a family. Imported only when one of them is run."""

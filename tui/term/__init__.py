"""Terminal emulator state and keys; no Textual."""

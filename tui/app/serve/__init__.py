"""The dashboard in a browser: textual-serve behind a guard of ours."""

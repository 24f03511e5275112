"""The dashboard: Textual, and nothing but."""

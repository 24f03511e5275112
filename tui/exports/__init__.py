"""A run spec as a text that others carry out: a shell script, a Kestra flow. Pure text; nothing runs here."""

"""The person's own files: where they are, how they are read with good errors, how they are replaced."""

"""The readers: one module for each kind of file, imported when it is used."""

"""Exports: what a run has made, in files and in other libraries' types."""

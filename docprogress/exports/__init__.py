"""Exports: the results of a run in files and in other libraries' types."""

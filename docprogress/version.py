"""The version of this package, below every module that sends or shows it."""

__version__ = "0.1.0"

"""Words of texts and of queries: what marks the passages that a query found."""

from docprogress.words import Query, matches, parse

__all__ = ["Query", "matches", "parse"]

"""Find the chunks that answer a query."""

from docprogress.search.nearest import nearest, query_vector

__all__ = ["nearest", "query_vector"]

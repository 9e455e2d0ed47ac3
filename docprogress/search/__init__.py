"""Find the passages that answer a query."""

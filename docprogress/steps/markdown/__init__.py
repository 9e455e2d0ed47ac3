"""GitHub Markdown: inline text, tables, and blocks within lists and quotations."""

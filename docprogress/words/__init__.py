"""Words of texts and of queries, as the index of words compares them."""

from docprogress.words.counting import Counts, count_terms
from docprogress.words.marks import matches
from docprogress.words.query import Correction, Query, Wanted, parse
from docprogress.words.terms import (
    OTHER_KIND,
    hashed,
    heading_tokens,
    kind_terms,
)

__all__ = [
    "OTHER_KIND",
    "Correction",
    "Counts",
    "Query",
    "Wanted",
    "count_terms",
    "hashed",
    "heading_tokens",
    "kind_terms",
    "matches",
    "parse",
]

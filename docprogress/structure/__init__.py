"""The structure of a page, read from its Markdown: headings, lists, tables, code.

Readers write GitHub Markdown; nothing else about a page's structure is stored. Parsing
takes time in proportion to the Markdown's length, whatever it contains.
"""

from docprogress.structure.blocks import Block, blocks
from docprogress.structure.inline import escaped, escaped_begin, plain
from docprogress.structure.location import Segment, segments

__all__ = [
    "Block",
    "Segment",
    "blocks",
    "escaped",
    "escaped_begin",
    "plain",
    "segments",
]

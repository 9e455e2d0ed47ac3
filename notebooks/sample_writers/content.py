"""What a file says, whatever its kind, and archives of parts with fixed dates."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

#: The date of every file in an archive.
DATE = (2025, 3, 14, 9, 30, 0)


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Prose | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    title: str
    blocks: tuple[Block, ...]
    author: str = "Ida Brandt"
    language: str = "en"

    def texts(self) -> Iterator[str]:
        """Every heading, paragraph and cell, in reading order."""
        for block in self.blocks:
            if isinstance(block, Table):
                for row in block.rows:
                    yield from row
            else:
                yield block.text

    def sections(self) -> Iterator[tuple[str, list[Block]]]:
        """Each heading with what follows it."""
        heading, blocks = self.title, []
        for block in self.blocks:
            if isinstance(block, Heading):
                if blocks:
                    yield heading, blocks
                heading, blocks = block.text, []
            else:
                blocks.append(block)
        yield heading, blocks


def content(title: str, text: str, rows: str = "", language: str = "en") -> Content:
    """Content of a text file: `# heading` and paragraphs, then a table of TSV rows."""
    blocks: list[Block] = []
    for part in text.strip().split("\n\n"):
        words = " ".join(part.split())
        blocks.append(
            Heading(words.lstrip("# ")) if words.startswith("#") else Prose(words)
        )
    if rows:
        blocks.append(
            Table(tuple(tuple(row.split("\t")) for row in rows.strip().split("\n")))
        )
    return Content(title=title, blocks=tuple(blocks), language=language)


def zipped(parts: Mapping[str, str | bytes], *, first: str | None = None) -> bytes:
    """A ZIP file of parts; `first` is stored without compression at its beginning."""
    made = io.BytesIO()
    names = sorted(parts, key=lambda name: name != first)
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = (
                zipfile.ZIP_STORED if name == first else zipfile.ZIP_DEFLATED
            )
            archive.writestr(entry, parts[name])
    return made.getvalue()


def xml(body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{body}'


__all__ = [
    "Block",
    "Content",
    "Heading",
    "Prose",
    "Table",
    "content",
    "escape",
    "quoteattr",
    "xml",
    "zipped",
]

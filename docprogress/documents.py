"""The values that steps take and yield: documents, pages and chunks; and tables."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from docprogress.formatting import plain, plural

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray
    from pandas import DataFrame

#: Separates pages in a document's text. The offsets of a chunk count characters in the
#: joined text.
PAGE_SEPARATOR = "\n\n"

#: The longest file name that is stored, in characters.
LONGEST_NAME = 255

#: The longest name of a container's member, with those of its containers.
LONGEST_PATH = 1000

#: The longest beginning of a text in a `repr`, in characters.
LONGEST_EXCERPT = 60

#: Control characters, line breaks, surrogates and bidirectional overrides.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

#: Surrogates that stand for a byte that was not UTF-8 (PEP 383).
_BYTES = range(0xDC80, 0xDD00)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document, as a step receives it."""

    id: str
    #: The file's name, for display; never a path. The name of a member begins with that
    #: of its container: `mail.eml/contract.pdf`.
    name: str
    #: The file on this machine, while the step runs.
    path: Path
    #: The size of the file in bytes.
    size: int
    run_id: str | None = None
    case_id: str | None = None
    #: The URL of a downloaded document. Not in the repr: it may contain a password.
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The text of a page; a format without pages has one.

    A page is whatever the format counts: a sheet, a slide, a chapter, a message.
    """

    #: Counted from 1.
    number: int
    text: str
    #: The name of the sheet, the chapter's title; None if it has none.
    title: str | None = None
    #: The text as Markdown; None if the structure is not known.
    markdown: str | None = None
    #: The confidence of the recognition, from 0 to 1; None if the page was not
    #: recognised.
    confidence: float | None = None
    #: The id of the document; None while a step makes the page.
    document_id: str | None = None

    def __repr__(self) -> str:
        title = f" {self.title!r}" if self.title else ""
        return f"<Page {self.number}{title}: {_excerpt(self.text)}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a document's text, with its position."""

    #: Counted from 1.
    number: int
    text: str
    #: Offsets into the document's text, in characters; `end` is exclusive.
    start: int
    end: int
    first_page: int
    last_page: int
    #: `text`, `table`, `code` or `list`; `text` if the structure is not known. None in
    #: chunks of earlier versions, and if a custom chunker does not set it.
    kind: str | None = None
    #: The headings above it, outermost first.
    headings: tuple[str, ...] = ()
    #: Shape `(dimensions,)`; None until the chunk is embedded.
    vector: "NDArray[float32] | None" = None
    #: The id of the document; None while a step makes the chunk.
    document_id: str | None = None

    def __repr__(self) -> str:
        pages = f"page {self.first_page}"
        if self.last_page != self.first_page:
            pages = f"pages {self.first_page}-{self.last_page}"
        facts = [pages, self.kind, plain(" > ".join(self.headings))]
        if self.vector is not None:
            facts.append(f"{len(self.vector)} dimensions")
        known = ", ".join(fact for fact in facts if fact)
        return f"<Chunk {self.number}, {known}: {_excerpt(self.text)}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a document: its cells as text, without markup."""

    #: Counted from 1 in the document.
    number: int
    #: Rows of the same length. The first one is the header, with empty cells if there
    #: is none. Lines in a cell are separated by line ends; merged cells are repeated.
    rows: tuple[tuple[str, ...], ...]
    #: The number of the page.
    page: int
    #: The caption, the heading above it, or the name of the sheet.
    title: str | None = None
    document_id: str | None = None

    def __repr__(self) -> str:
        title = f", {_excerpt(self.title)}" if self.title else ""
        rows, columns = self.shape
        size = f"{plural(rows, 'row')}, {plural(columns, 'column')}"
        head = _excerpt(", ".join(self.rows[0])) if self.rows else "empty"
        return f"<Table {self.number}, page {self.page}{title}, {size}: {head}>"

    def __str__(self) -> str:
        return self.markdown

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows there are below the header, and how many columns."""
        return max(len(self.rows) - 1, 0), len(self.rows[0]) if self.rows else 0

    @property
    def markdown(self) -> str:
        """The table as a GitHub table."""
        from docprogress.structure.tables import to_markdown

        return to_markdown(self.rows)

    def to_frame(self) -> "DataFrame":
        """The rows below the header as a DataFrame of strings.

        Columns are named after the header. Duplicate and missing names are replaced as
        by `pandas.read_csv`: `Price`, `Price.1`, `Unnamed: 2`. Without a header,
        columns are numbered.
        """
        from pandas import DataFrame

        from docprogress.structure.tables import column_names

        header, *rows = self.rows or ((),)
        names = column_names(header) if any(header) else range(len(header))
        return DataFrame(rows, columns=names, dtype=str)

    def _repr_html_(self) -> str:
        from docprogress.structure.html import table_html

        return table_html(self)


def display_name(name: str | bytes | os.PathLike[str]) -> str:
    r"""The last component of `name`, safe to display, store and send as JSON.

    Folders are dropped, with slashes of either kind. Bytes that are not UTF-8 become
    `\xNN`; control characters, line breaks and bidirectional overrides become
    `\u000a`. A name longer than `LONGEST_NAME` loses its middle.
    """
    text = os.fsdecode(name).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    text = _UNPRINTABLE.sub(_escaped, text)
    if len(text) > LONGEST_NAME:
        half = (LONGEST_NAME - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    return text if text.strip(". ") else "unnamed"


def member_name(container: str, name: str) -> str:
    """The name of a container's member: `mail.eml/contract.pdf`.

    It is for display only, so components that would leave the container are dropped.
    """
    parts = [part.strip() for part in name.replace("\\", "/").split("/")]
    if parts and re.fullmatch("[A-Za-z]:", parts[0]):
        del parts[0]
    shown = [display_name(part) for part in parts if part.strip(". ")]
    return _shortened("/".join([container, *(shown or ["unnamed"])]))


def path_name(path: str) -> str:
    """The name of a file in a folder by its path below it: `2026/contract.pdf`.

    Each component is safe to display, as in `display_name`.
    """
    return _shortened("/".join(map(_component, path.split("/"))))


def _component(name: str) -> str:
    return display_name(name.replace("\\", "\u29f5"))


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_PATH:
        return text
    half = (LONGEST_PATH - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _excerpt(text: str) -> str:
    """The beginning of a text in one line, in quotation marks."""
    line = " ".join(text[: 4 * LONGEST_EXCERPT].split())
    if len(line) > LONGEST_EXCERPT or len(text) > 4 * LONGEST_EXCERPT:
        line = f"{line[: LONGEST_EXCERPT - 1].rstrip()}…"
    return repr(line)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if code in _BYTES else f"\\u{code:04x}"


def document_id(run_id: str, number: int) -> str:
    """The id of a run's document, by its number in the run, counted from 1."""
    return f"{run_id}-{number:04d}"


def member_id(container_id: str, position: int) -> str:
    """The id of a container's member, by its position, counted from 1."""
    return f"{container_id}.{position}"


def member_position(member_id: str) -> int:
    """The position of a member in its container, by its id."""
    return int(member_id.rpartition(".")[2])

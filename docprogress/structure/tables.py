"""The tables of a document, found in the Markdown of its pages."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from docprogress.documents import Page, Table
from docprogress.structure.blocks import Block, blocks
from docprogress.structure.continued_tables import MOST_BETWEEN, Found, joined
from docprogress.structure.inline import escaped

_PDF = "application/pdf"

#: The longest line above a table that is taken for its caption, in characters.
LONGEST_CAPTION = 200

# "Table 3: Prices", in the languages that write it so.
_CAPTION = re.compile(
    r"(?:table|tab\.|tabelle|tableau|tabla|tabela|tabella|tabel|taulukko|tabulka|"
    r"таблица|таблиця|πίνακας|جدول|表|표)\s*\.?\s*[\dIVXA-Z]",
    re.IGNORECASE,
)


def tables(pages: Iterable[Page], *, media_type: str | None = None) -> Iterator[Table]:
    """The tables of a document's pages, in order.

    A table's title is its caption, or else the heading above it.

    Args:
        pages: The pages.
        media_type: That of the document. In a PDF, a table may go on on the next page.
    """
    found = _found(pages)
    for number, table in enumerate(joined(found) if media_type == _PDF else found, 1):
        yield Table(
            number=number,
            rows=table.rows,
            page=table.page.number,
            title=table.title,
            document_id=table.page.document_id,
        )


def _found(pages: Iterable[Page]) -> Iterator[Found]:
    last: Found | None = None
    heading: str | None = None
    for page in pages:
        markdown = page.markdown
        heading = page.title or heading
        if not markdown or ("|" not in markdown and "#" not in markdown):
            continue
        around: list[Block] = []
        for block in blocks(markdown):
            if block.kind == "table":
                if last:
                    yield last
                title = _caption(around[-1] if around else None) or heading
                last = Found(block.rows, page, title, around, [])
            else:
                if block.kind == "heading":
                    heading = block.text
                if last and len(last.after) <= MOST_BETWEEN:
                    last.after.append((block, page.number))
            around.append(block)
    if last:
        yield last


def _caption(above: Block | None) -> str | None:
    if above is None or above.kind != "text" or len(above.text) > LONGEST_CAPTION:
        return None
    return above.text if _CAPTION.match(above.text) else None


def titled(table: Table) -> str:
    """A table in Markdown, below its number, page and title."""
    title = f": {escaped(' '.join(table.title.split()))}" if table.title else ""
    return f"Table {table.number}, page {table.page}{title}\n\n{table.markdown}"


def to_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a GitHub table; the first one is its header."""
    if not rows:
        return ""
    header, *others = (_row(row) for row in rows)
    return "\n".join((header, "| --- " * len(rows[0]) + "|", *others))


def column_names(header: Sequence[str]) -> list[str]:
    """Names for columns, each of them once, as `pandas.read_csv` makes them."""
    names = [
        " ".join(cell.split()) or f"Unnamed: {place}"
        for place, cell in enumerate(header)
    ]
    taken = set(names)
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        unique = name
        while seen[name] and (unique := f"{name}.{seen[name]}") in taken:
            seen[name] += 1
        seen[name] += 1
        taken.add(unique)
        found.append(unique)
    return found


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    return escaped(text).replace("|", "\\|").replace("\n", "<br>")

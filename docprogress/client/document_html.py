"""The HTML of a document in a notebook: title, metadata, first page, and tables.

It reads a bounded part of the document, however long that is.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from docprogress.documents import Page
from docprogress.events import Status
from docprogress.formatting import plural
from docprogress.steps.suffixes import label
from docprogress.store import DocumentRow, Store
from docprogress.structure import html
from docprogress.structure.tables import tables as tables_of

#: Characters of the first page that are shown at first, and in all.
LEADING_CHARACTERS = 1_200
MAX_CHARACTERS = 20_000

#: The maximum number of tables that are shown, and the characters in which they are
#: looked for.
MAX_TABLES = 20
TABLE_CHARACTERS = 2_000_000

#: Tables with at most as many rows are shown, if the document has but one or two.
FEW_ROWS = 12
FEW_TABLES = 2

#: The longest value of the metadata, and the most warnings, that are shown.
MAX_VALUE_CHARACTERS = 500
MAX_WARNINGS = 20

#: Metadata that is shown elsewhere.
_ELSEWHERE = {"title", "name", "warnings", "page_count"}


def document_html(store: Store, row: DocumentRow, metadata: Mapping[str, Any]) -> str:
    """A document as HTML."""
    pages = _Pages(store, row)
    title = row.title or row.name
    return html.card(
        html.paragraph("title", f"<strong>{html.text(title)}</strong>"),
        html.paragraph("facts", html.text(" · ".join(_facts(row, title)))),
        _state(row),
        _warnings(metadata.get("warnings")),
        _metadata(metadata),
        _first_page(row, pages.first),
        *_tables(pages, row),
    )


class _Pages:
    """The first pages of a document, as far as they are shown."""

    def __init__(self, store: Store, row: DocumentRow) -> None:
        self._slices = store.results.page_slices(row.id)
        self._read: list[Page] = next(self._slices, [])
        #: Whether the document has more pages.
        self.more = False

    @property
    def first(self) -> Page | None:
        return self._read[0] if self._read else None

    def __iter__(self) -> Iterator[Page]:
        left = TABLE_CHARACTERS
        pages = self._read
        while pages:
            for page in pages:
                if left <= 0:
                    self.more = True
                    return
                left -= len(page.markdown or "")
                yield page
            pages = next(self._slices, [])


def _facts(row: DocumentRow, title: str) -> Iterator[str]:
    if row.name != title:
        yield row.name
    if row.media_type:
        kind = label(row.media_type)
        yield kind.removeprefix("an ").removeprefix("a ")
    if row.pages:
        yield plural(row.pages, "page")
    if row.chunks:
        yield plural(row.chunks, "chunk")
    if row.note:
        yield row.note
    yield row.status.value


def _state(row: DocumentRow) -> str:
    if row.status is Status.COMPLETED:
        return ""
    if row.error:
        return html.paragraph("error", html.text(row.error))
    return html.paragraph("muted", html.text(row.message))


def _warnings(found: Any) -> str:
    if not isinstance(found, list) or not found:
        return ""
    shown = "".join(f"<li>{_value(each)}</li>" for each in found[:MAX_WARNINGS])
    if len(found) > MAX_WARNINGS:
        shown += f"<li>… {plural(len(found) - MAX_WARNINGS, 'more warning')}</li>"
    return html.fold(plural(len(found), "warning"), f"<ul>{shown}</ul>")


def _metadata(metadata: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{_value(name)}</th><td>{_value(value)}</td></tr>"
        for name, value in metadata.items()
        if name not in _ELSEWHERE
    )
    table = f'<div class="dp-scroll"><table><tbody>{rows}</tbody></table></div>'
    return html.fold("Metadata", table) if rows else ""


def _value(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(shown) > MAX_VALUE_CHARACTERS:
        shown = f"{shown[:MAX_VALUE_CHARACTERS]}…"
    return html.text(shown).replace("\n", "<br>")


def _first_page(row: DocumentRow, page: Page | None) -> str:
    if page is None:
        return ""
    shown = html.preview if page.markdown else html.plain_preview
    lead, rest, omitted = shown(
        page.markdown or page.text, lead=LEADING_CHARACTERS, most=MAX_CHARACTERS
    )
    if omitted:
        rest += html.paragraph(
            "muted",
            f"… {omitted:,} more characters: <code>document.markdown</code> has all",
        )
    if rest:
        name = "the page" if row.pages > 1 else "the text"
        rest = html.fold(f'<span class="dp-muted">More of {name}</span>', rest)
    if not (lead or rest):
        lead = html.paragraph("muted", "No text")
    head = ""
    if row.pages > 1:
        title = f": {_value(page.title)}" if page.title else ""
        head = html.paragraph("muted", f"Page {page.number} of {row.pages:,}{title}")
    return f'{head}<div class="dp-page">\n{lead}\n{rest}</div>'


def _tables(pages: _Pages, row: DocumentRow) -> Iterator[str]:
    found = list(islice(tables_of(pages, media_type=row.media_type), MAX_TABLES + 1))
    few = len(found) <= FEW_TABLES
    for table in found[:MAX_TABLES]:
        # Those of the first page are shown there.
        shown = few and table.page > 1 and table.shape[0] <= FEW_ROWS
        yield html.fold(
            html.table_title(table), html.rows_html(table.rows), shown=shown
        )
    if len(found) > MAX_TABLES or pages.more:
        yield html.paragraph("muted", "… <code>document.tables</code> has all tables")

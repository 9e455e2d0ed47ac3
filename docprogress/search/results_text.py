"""Search results as text: for a terminal, and for a saved notebook without HTML."""

from collections.abc import Iterator

from rich.text import Text

from docprogress.formatting import cut, plain, plural
from docprogress.search.excerpts import Span, excerpt, is_cells, segments, table_lines
from docprogress.search.results import Hit, SearchResults
from docprogress.words import Correction

#: Columns of a text that is not made for a terminal.
WIDTH = 88

#: Characters of a passage that are shown.
EXCERPT = 240

#: Lines of a table that are shown, with its header and the line below that.
TABLE_LINES = 5

#: How to search for what a query says.
AS_WRITTEN = " (as written: spelling=False)"

_INDENT = "    "


def results_text(results: SearchResults) -> str:
    """The results as lines of text."""
    lines = [summary(results)]
    lines += (f"{corrected(each)}{AS_WRITTEN}" for each in results.corrections)
    for hit in results:
        lines.append(cut(heading(hit).plain, WIDTH))
        lines += (f"{_INDENT}{line}" for line in _wrapped(passage(hit)))
    lines += (f"warning: {plain(warning)}" for warning in results.warnings)
    return "\n".join(lines)


def summary(results: SearchResults) -> str:
    """One line: how many passages there are for which query."""
    query = cut(plain(results.query), WIDTH // 2)
    if not results:
        more = "more " if results.offset else ""
        return f"no {more}passage was found for {query!r}"
    after = f" after the first {results.offset:,}" if results.offset else ""
    return f"{plural(len(results), 'passage')} for {query!r}{after}"


def corrected(correction: Correction) -> str:
    """One line: what was searched for instead of a word."""
    used = " or ".join(map(plain, correction.used))
    instead = "as well as" if correction.also else "instead of"
    return f"searched for {used} {instead} {cut(plain(correction.word), WIDTH // 2)}"


def heading(hit: Hit) -> Text:
    """One line: score, document, page, headings."""
    text = Text(f"{shown_score(hit.score)}  ", style="dim")
    text.append(plain(hit.document), style="bold")
    return text.append("".join(f" · {fact}" for fact in facts(hit)))


def passage(hit: Hit) -> Text:
    """The best part of the passage, with marked words in bold.

    It is one line, except for a table, whose best rows have a line each.
    """
    if hit.kind == "table":
        spans = table_lines(hit.text, hit.marks, TABLE_LINES)
        lines = (_row(hit, span) for span in spans if is_cells(hit.text[slice(*span)]))
        return Text("\n").join(lines)
    begin, end = excerpt(hit.text, hit.marks, EXCERPT)
    text = Text("… " if begin else "").append_text(_part(hit, (begin, end)))
    return text.append(" …") if end < len(hit.text) else text


def _row(hit: Hit, span: Span) -> Text:
    """A row of a table without the lines at its sides."""
    begin, end = span
    row = hit.text[begin:end]
    begin += len(row) - len(row.lstrip("| "))
    end -= len(row) - len(row.rstrip("| "))
    return _part(hit, (begin, max(begin, end)), tab=" | ")


def _part(hit: Hit, span: Span, tab: str = " ") -> Text:
    text = Text()
    for part, marked in segments(hit.text, span, hit.marks):
        part = part.replace("\t", tab)  # noqa: PLW2901 - the same part
        before = " " if part[:1].isspace() and not text.plain.endswith(" ") else ""
        after = " " if part[-1:].isspace() and part.strip() else ""
        text.append(f"{before}{plain(part)}{after}", style="bold" if marked else None)
    text.rstrip()
    return text


def place(hit: Hit) -> str:
    """Where a passage is: document, page, headings."""
    return " · ".join((plain(hit.document), *facts(hit)))


def facts(hit: Hit) -> Iterator[str]:
    """The page, the headings, and the kind unless it is text."""
    if hit.last_page != hit.page:
        yield f"pages {hit.page:,}-{hit.last_page:,}"
    else:
        yield f"page {hit.page:,}"
    if hit.headings:
        yield " > ".join(map(plain, hit.headings))
    if hit.kind not in (None, "text"):
        yield plain(hit.kind)


def score_parts(hit: Hit) -> Iterator[str]:
    """The parts of the score that are known: `words 7.31`."""
    for name in ("words", "vectors", "rerank"):
        value = getattr(hit, name)
        if value is not None:
            yield f"{name} {shown_score(value)}"


def shown_score(value: float) -> str:
    """A score with two decimals, or more digits if it is near zero."""
    return f"{value:.2f}" if abs(value) >= 0.1 or not value else f"{value:.2g}"  # noqa: PLR2004 - two digits


def _wrapped(text: Text) -> Iterator[str]:
    from rich.console import Console

    console = Console(width=WIDTH, color_system=None)
    for part in text.wrap(console, WIDTH - len(_INDENT)):
        yield part.plain.rstrip()

"""Search results as HTML for notebooks, with the words of the query marked.

Text of documents is escaped, as in `structure/html.py`, whose style sheet it extends.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from docprogress.formatting import one_line, plural
from docprogress.search.excerpts import Span, excerpt, segments, table_lines
from docprogress.search.results import Hit, SearchResults
from docprogress.search.results_text import score_parts, shown_score
from docprogress.structure import html
from docprogress.words import Correction

#: Characters of a passage, and lines of a table, that are shown at first.
EXCERPT = 400
EXCERPT_LINES = 8

#: Characters of a passage that are shown at all.
MOST = 20_000

#: Passages that are shown; the others are counted.
MAX_HITS = 100

#: Stand for the beginning and the end of a mark while Markdown becomes HTML. They are
#: noncharacters, which no text contains.
_BEGIN, _END = "\ufdd0", "\ufdd1"
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")
_FENCE = re.compile(r"(?P<fence>`{3,}|~{3,})[^\n]*\n")
_TAG_OR_MARK = re.compile(f"<[^>]*>|[{_BEGIN}{_END}]")
_IN_TAGS = re.compile(f"[{_BEGIN}{_END}]|%EF%B7%9[01]")

STYLE = """
.dp-document .dp-hit {
  border-top: 1px solid rgba(128, 128, 128, .3); padding: .6em 0;
}
.dp-document .dp-source { margin: 0; overflow-wrap: anywhere; }
.dp-document .dp-hit .dp-page { margin: .4em 0; }
.dp-document .dp-hit .dp-page > :last-child { margin-bottom: 0; }
.dp-document .dp-passage { white-space: pre-line; }
.dp-document mark {
  background: rgba(255, 196, 0, .38); color: inherit; font-weight: 600;
  border-radius: 2px; padding: 0 .1em;
}
""".strip()


def results_html(results: SearchResults) -> str:
    """The results as HTML."""
    shown = [_hit(hit) for hit in results[:MAX_HITS]]
    more = len(results) - len(shown)
    rest = f"… {plural(more, 'more passage')}: <code>to_frame()</code> has all"
    return html.card(
        html.paragraph("facts", _summary(results)),
        *(html.paragraph("facts", _corrected(each)) for each in results.corrections),
        *(
            html.paragraph("error", html.text(one_line(warning)))
            for warning in results.warnings
        ),
        *shown,
        html.paragraph("muted", rest) if more else "",
        style=STYLE,
    )


def _summary(results: SearchResults) -> str:
    query = f"<strong>{html.text(one_line(results.query))}</strong>"
    if not results:
        return f"No {'more ' if results.offset else ''}passage was found for {query}"
    after = f" after the first {results.offset:,}" if results.offset else ""
    return f"{plural(len(results), 'passage')} for {query}{after}"


def _corrected(correction: Correction) -> str:
    used = " or ".join(
        f"<strong>{html.text(one_line(each))}</strong>" for each in correction.used
    )
    instead = "as well as" if correction.also else "instead of"
    word = html.text(one_line(correction.word))
    as_written = "as written: <code>spelling=False</code>"
    return f"Searched for {used} {instead} <strong>{word}</strong> ({as_written})"


def _hit(hit: Hit) -> str:
    return (
        f'<div class="dp-hit">\n{_source(hit)}\n{_passage(hit)}\n'
        f"{html.paragraph('muted', _scores(hit))}</div>"
    )


def _source(hit: Hit) -> str:
    pages = f"page {hit.page:,}"
    if hit.last_page != hit.page:
        pages = f"pages {hit.page:,}\N{EN DASH}{hit.last_page:,}"
    facts = [pages]
    if hit.headings:
        facts.append(html.text(" > ".join(map(one_line, hit.headings))))
    if hit.kind not in (None, "text"):
        facts.append(html.text(one_line(hit.kind)))
    name = html.text(one_line(hit.document))
    return html.paragraph(
        "source",
        f"<strong>{name}</strong>"
        + "".join(f' <span class="dp-muted">· {fact}</span>' for fact in facts),
    )


def _scores(hit: Hit) -> str:
    parts = [shown_score(hit.score), *score_parts(hit)]
    return html.text("score " + " · ".join(parts))


def _passage(hit: Hit) -> str:
    text = hit.text[:MOST]
    lead, complete = _lead(hit, text)
    shown = f'<div class="dp-page">\n{_rendered(lead, hit)}\n</div>'
    if complete and len(hit.text) <= MOST:
        return shown
    whole = _rendered(_with_marks(text, (0, len(text)), hit.marks), hit)
    if omitted := len(hit.text) - len(text):
        whole += html.paragraph("muted", f"… {plural(omitted, 'more character')}")
    summary = '<span class="dp-muted">The whole passage</span>'
    return shown + html.fold(summary, f'<div class="dp-page">\n{whole}\n</div>')


def _lead(hit: Hit, text: str) -> tuple[str, bool]:
    """The beginning of a passage that is shown, and whether it is the whole."""
    marks = hit.marks
    if hit.kind == "table":
        spans = table_lines(text, marks, EXCERPT_LINES)
        complete = spans == table_lines(text, (), len(text) + 1)
        if not complete:
            return "\n".join(_with_marks(text, span, marks) for span in spans), False
    begin, end = excerpt(text, marks, EXCERPT)
    if (begin, end) == (0, len(text)):
        return _with_marks(text, (begin, end), marks), True
    if hit.markdown and (fence := _FENCE.match(text)):
        # Whole lines, with the fence that says that they are code.
        begin = max(text.rfind("\n", 0, begin) + 1, fence.end())
        end = text.find("\n", end) if "\n" in text[end:] else len(text)
        return fence[0] + _with_marks(text, (begin, end), marks), False
    # Markdown may begin with a list.
    whole_line = hit.markdown and text[begin - 1 : begin] == "\n"
    before = "" if begin == 0 else "…\n\n" if whole_line else "… "
    after = "" if end == len(text) else " …"
    return before + _with_marks(text, (begin, end), marks) + after, False


def _with_marks(text: str, span: Span, marks: Sequence[Span]) -> str:
    parts = (
        f"{_BEGIN}{part}{_END}" if marked else part
        for part, marked in (
            (_NONCHARACTERS.sub("\N{REPLACEMENT CHARACTER}", part), marked)
            for part, marked in segments(text, span, marks)
        )
    )
    return "".join(parts).replace(_END + _BEGIN, "")


def _rendered(source: str, hit: Hit) -> str:
    if hit.markdown:
        return _marked(html.rendered(source))
    return _marked("\n".join(_plain_blocks(source)))


def _plain_blocks(source: str) -> Iterator[str]:
    """Paragraphs, and tables where lines have cells."""
    for row, lines in groupby(source.split("\n"), key=lambda line: "\t" in line):
        if row:
            header, *others = (line.split("\t") for line in lines)
            rows = "\n".join(_row(cells, "td") for cells in others)
            yield (
                f'<div class="dp-scroll"><table><thead>{_row(header, "th")}</thead>'
                f"<tbody>{rows}</tbody></table></div>"
            )
        elif text := "\n".join(lines).strip("\n"):
            yield f'<p class="dp-passage" dir="auto">{html.text(text)}</p>'


def _row(cells: Sequence[str], tag: str) -> str:
    shown = "".join(f"<{tag}>{html.text(cell)}</{tag}>" for cell in cells)
    return f"<tr>{shown}</tr>"


def _marked(source: str) -> str:
    """HTML with `<mark>` in place of its stand-ins, none of which crosses a tag."""
    inside = False

    def replaced(found: re.Match[str]) -> str:
        nonlocal inside
        if found[0] in (_BEGIN, _END):
            changed, inside = (found[0] == _BEGIN) != inside, found[0] == _BEGIN
            return ("<mark>" if inside else "</mark>") if changed else ""
        tag = _IN_TAGS.sub("", found[0])
        return f"</mark>{tag}<mark>" if inside else tag

    shown = _TAG_OR_MARK.sub(replaced, source)
    return shown.replace("<mark></mark>", "") + ("</mark>" if inside else "")

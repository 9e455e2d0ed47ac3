"""Tables and Markdown as HTML for notebooks.

Text of documents is hostile: all of it is escaped, no image or other file is loaded,
and only links to web and mail addresses are kept. It also looks well without the style
sheet, which JupyterLab drops in notebooks that are not trusted, and GitHub always.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from docprogress.documents import Table
from docprogress.formatting import plural

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

#: The maximum number of rows, columns, and characters of a cell that are shown of a
#: table.
MAX_ROWS = 50
MAX_COLUMNS = 20
MAX_CELL_CHARACTERS = 300

#: Rows of a table that is shown by itself, before the others are folded.
LEADING_ROWS = 10

#: A line counts as at least so many characters in what is shown at first.
LINE_WEIGHT = 50

STYLE = """
.dp-document { max-width: 56em; line-height: 1.5; text-align: start; }
.dp-document p { margin: 0 0 .6em; }
.dp-document .dp-title { font-size: 1.3em; margin: 0; overflow-wrap: break-word; }
.dp-document .dp-facts { opacity: .7; margin: 0 0 .6em; overflow-wrap: break-word; }
.dp-document .dp-error { border-left: 3px solid #d33; padding-left: .7em; }
.dp-document .dp-page {
  border-left: 3px solid rgba(128, 128, 128, .3); padding-left: 1em; margin: .8em 0;
  overflow-wrap: break-word;
}
.dp-document .dp-h1 { font-size: 1.2em; } .dp-document .dp-h2 { font-size: 1.1em; }
.dp-document .dp-h1, .dp-document .dp-h2, .dp-document .dp-h3 { margin-top: .8em; }
.dp-document .dp-page > :first-child { margin-top: 0; }
.dp-document details { margin: .3em 0; }
.dp-document summary { cursor: pointer; overflow-wrap: break-word; }
.dp-document summary > .dp-muted, .dp-document .dp-muted { opacity: .7; }
.dp-document .dp-scroll { overflow-x: auto; margin: .4em 0 .8em; }
.dp-document table { border-collapse: collapse; margin: 0; font-size: .95em; }
.dp-document table th, .dp-document table td {
  vertical-align: top; padding: .25em .7em; white-space: normal;
  border: 1px solid rgba(128, 128, 128, .3); max-width: 30em; background: none;
}
.dp-document thead th { background: rgba(128, 128, 128, .12); font-weight: 600; }
.dp-document pre {
  background: rgba(128, 128, 128, .1); padding: .5em .8em; overflow-x: auto;
  font-size: .9em; border-radius: 3px;
}
.dp-document code { background: none; }
""".strip()


# With a currency or a percent sign in front or behind.
_NUMBER = re.compile(r"[-+\u2212(]?\W{0,2}\d[\d.,' \u00a0\u202f]*\W{0,3}")


class Preview(NamedTuple):
    """A long text as HTML, in two parts."""

    #: The part that is shown at first.
    lead: str
    #: The folded part; empty if everything is shown.
    rest: str
    #: How many characters are in neither.
    omitted: int


def card(*parts: str, style: str = "") -> str:
    """The parts in one element, with the style sheet and more rules of their own."""
    content = "\n".join(part for part in parts if part)
    rules = f"{STYLE}\n{style}" if style else STYLE
    return f'<div class="dp-document">\n<style>{rules}</style>\n{content}\n</div>'


def text(value: str) -> str:
    """Text without any markup."""
    return escape(value)


def paragraph(kind: str, content: str) -> str:
    """A paragraph with a class of the style sheet."""
    return f'<p class="dp-{kind}" dir="auto">{content}</p>'


def fold(summary: str, content: str, *, shown: bool = False) -> str:
    """Content that a click on the summary shows and hides."""
    state = " open" if shown else ""
    return f"<details{state}><summary>{summary}</summary>\n{content}\n</details>"


def table_title(table: Table) -> str:
    """The title line of a table: its number, title, page and size."""
    rows, columns = table.shape
    title = f": {text(_line(table.title))}" if table.title else ""
    facts = (f"page {table.page}", plural(rows, "row"), plural(columns, "column"))
    return (
        f"<b>Table {table.number:,}</b>{title} "
        f'<span class="dp-muted">· {" · ".join(facts)}</span>'
    )


def table_html(table: Table) -> str:
    """A table by itself; its rows beyond the first ones are folded."""
    lead = table.rows[: LEADING_ROWS + 1]
    rest = table.rows[LEADING_ROWS + 1 :]
    folded = ""
    if rest:
        shown = (table.rows[0], *rest)
        folded = fold(f"{plural(len(rest), 'more row')}", rows_html(shown))
    return card(paragraph("caption", table_title(table)), rows_html(lead), folded)


def rows_html(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table; the first one is its header."""
    if not rows:
        return ""
    header, *others = rows
    more = len(header) - MAX_COLUMNS
    columns = f" and {plural(more, 'more column')}" if more > 0 else ""
    shown = others[:MAX_ROWS]
    sides = ["right" if each else "left" for each in _numeric(shown, len(header))]
    lines = ['<div class="dp-scroll"><table>']
    if any(header):
        lines.append(f"<thead>{_row(header, 'th', sides)}</thead>")
    lines.append("<tbody>")
    lines += (_row(row, "td", sides) for row in shown)
    lines.append("</tbody></table></div>")
    hidden = len(others) - MAX_ROWS
    if hidden > 0 or columns:
        rest = plural(hidden, "more row") if hidden > 0 else ""
        both = f"{rest}{columns}" if rest else columns.removeprefix(" and ")
        lines.append(paragraph("muted", f"… {both}: <code>to_frame()</code> has all"))
    return "\n".join(lines)


def preview(markdown: str, *, lead: int, most: int) -> Preview:
    """The beginning of a Markdown text.

    Args:
        markdown: The text.
        lead: About how many characters are shown at first.
        most: How many are shown at all.
    """
    shown = _cut(markdown, most)
    first, rest = _split(shown, lead)
    return Preview(
        rendered(first),
        rendered(rest) if rest.strip() else "",
        len(markdown) - len(shown),
    )


def plain_preview(plain: str, *, lead: int, most: int) -> Preview:
    """The beginning of a text without markup."""
    shown = _cut(plain, most)
    first = shown
    if _weight(shown) > 2 * lead:
        first = _beginning(shown.splitlines(keepends=True), lead)
    return Preview(
        _paragraphs(first), _paragraphs(shown[len(first) :]), len(plain) - len(shown)
    )


def rendered(markdown: str) -> str:
    """Markdown as HTML, without images and embedded HTML."""
    renderer = _markdown()
    tokens = renderer.parse(markdown)
    for token in tokens:
        if token.type in ("paragraph_open", "list_item_open"):
            token.attrSet("dir", "auto")
    html: str = renderer.renderer.render(tokens, renderer.options, {})
    return html


def _weight(source: str) -> int:
    """The characters of a text; a short line takes as much room as a longer one."""
    return sum(max(len(line), LINE_WEIGHT) for line in source.split("\n"))


def _beginning(lines: Iterable[str], most: int) -> str:
    """Lines up to this weight; at least one, or a part of it."""
    kept = ""
    for line in lines:
        most -= max(len(line), LINE_WEIGHT)
        if most < 0:
            return kept or _cut(line, len(line) + most)
        kept += line
    return kept


def _row(cells: Sequence[str], tag: str, sides: Sequence[str]) -> str:
    # Inline, for JupyterLab has a style sheet of its own, and may drop ours.
    shown = "".join(
        f'<{tag} style="text-align: {side}">{_cell(cell)}</{tag}>'
        for cell, side in zip(cells[:MAX_COLUMNS], sides, strict=False)
    )
    return f"<tr>{shown}</tr>"


def _numeric(rows: Sequence[Sequence[str]], columns: int) -> list[bool]:
    """Whether the cells of each column are numbers."""
    return [
        all(_NUMBER.fullmatch(row[column]) for row in rows if row[column])
        and any(row[column] for row in rows)
        for column in range(min(columns, MAX_COLUMNS))
    ]


def _cell(content: str) -> str:
    if len(content) > MAX_CELL_CHARACTERS:
        content = f"{content[:MAX_CELL_CHARACTERS]}…"
    return text(content).replace("\n", "<br>")


def _line(title: str, most: int = 120) -> str:
    line = " ".join(title[: 4 * most].split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _paragraphs(plain: str) -> str:
    """Text with its paragraphs and lines."""
    parts = (part.strip("\n") for part in plain.split("\n\n"))
    return "\n".join(
        f'<p dir="auto">{text(part).replace(chr(10), "<br>")}</p>'
        for part in parts
        if part.strip()
    )


def _cut(source: str, most: int) -> str:
    """The beginning, up to the end of a line or word."""
    if len(source) <= most:
        return source
    for separator in ("\n\n", "\n", " "):
        end = source.rfind(separator, most // 2, most)
        if end > 0:
            return source[: end + len(separator)]
    return source[:most]


def _split(source: str, lead: int) -> tuple[str, str]:
    """Markdown in two parts, at the end of a block or a table's row."""
    if _weight(source) <= 2 * lead:
        return source, ""
    lines = source.splitlines(keepends=True)
    tops = [each for each in _markdown().parse(source) if each.level == 0 and each.map]
    size, begin = 0, 0
    for token in tops:
        assert token.map is not None
        first, after = token.map
        if first < begin:
            continue
        content = _weight("".join(lines[begin:after]))
        if size + content > 2 * lead:
            return _inside(lines, token, max(lead - size, 0))
        size, begin = size + content, after
        if size >= lead:
            return "".join(lines[:begin]), "".join(lines[begin:])
    return source, ""


def _inside(lines: list[str], token: "Token", left: int) -> tuple[str, str]:
    """Split within a long block, of which so many characters are shown at first."""
    assert token.map is not None
    first, after = token.map
    before, block = "".join(lines[:first]), lines[first:after]
    following = "".join(lines[after:])
    if token.type == "table_open":
        head, body = block[:2], block[2:]
        lead = before + "".join(head + body[:LEADING_ROWS])
        rest = "".join(head + body[LEADING_ROWS:]) if body[LEADING_ROWS:] else ""
        return lead, f"{rest}\n{following}"
    if before.strip() or token.type == "fence":
        return before, "".join(block) + following
    begin = _beginning(block, max(left, LINE_WEIGHT))
    return begin, "".join(block)[len(begin) :] + following


@cache
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    renderer = MarkdownIt("commonmark", {"html": False, "breaks": False})
    renderer.enable(["table", "strikethrough"])
    for name, rule in _RULES.items():
        renderer.add_render_rule(name, rule)
    return renderer


def _heading_open(_: Any, tokens: "Sequence[Token]", place: int, *__: Any) -> str:
    # Headings proper would be in the notebook's table of contents.
    return f'<p class="dp-{tokens[place].tag}" dir="auto"><strong>'


def _heading_close(*_: Any) -> str:
    return "</strong></p>\n"


def _image(_: Any, tokens: "Sequence[Token]", place: int, *__: Any) -> str:
    return text(tokens[place].content)


def _link_open(_: Any, tokens: "Sequence[Token]", place: int, *__: Any) -> str:
    target = str(tokens[place].attrGet("href") or "")
    if not target.lower().startswith(("http://", "https://", "mailto:")):
        return "<a>"
    return f'<a href="{text(target)}" target="_blank" rel="noopener noreferrer">'


def _cell_open(_: Any, tokens: "Sequence[Token]", place: int, *__: Any) -> str:
    token = tokens[place]
    style = text(str(token.attrGet("style") or "text-align:left"))
    return f'<{token.tag} style="{style}">'


def _table_open(*_: Any) -> str:
    return '<div class="dp-scroll"><table>\n'


def _table_close(*_: Any) -> str:
    return "</table></div>\n"


def _line_break(*_: Any) -> str:
    return "<br>\n"


_RULES = {
    "heading_open": _heading_open,
    "heading_close": _heading_close,
    "image": _image,
    "link_open": _link_open,
    "th_open": _cell_open,
    "td_open": _cell_open,
    "table_open": _table_open,
    "table_close": _table_close,
    "hardbreak": _line_break,
}

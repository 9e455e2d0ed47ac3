"""Write lines of a PDF as Markdown: escaped, with emphasis and links."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from docprogress.steps.markdown import grid
from docprogress.steps.readers.pdf_fonts import Font
from docprogress.steps.readers.pdf_lines import Link
from docprogress.steps.readers.pdf_text_lines import TextLine
from docprogress.structure import escaped, escaped_begin

#: The minimum number of characters that are emphasised: single ones are variables.
LEAST_EMPHASISED = 2

_SPACES = re.compile(r"\s+")


def plain(text: str) -> str:
    """A page's text as paragraphs, without any structure."""
    lines = (escaped_begin(escaped(line.strip())) for line in text.split("\n"))
    return "\n".join(lines).strip("\n")


def inline(line: TextLine, body: Font, links: Sequence[Link] = ()) -> str:
    """A line's text with its emphasis and links."""
    runs = line.runs
    styles = [_style(run.font, body) for run in runs]
    if not links and not any(styles):
        return escaped(line.text)
    if not links and not runs[0].size and len(set(styles)) == 1:
        return escaped(line.text)
    spans = list(zip([run.text for run in runs], styles, strict=True))
    beside = [
        link
        for link in links
        if link.bottom - line.size <= line.last and line.first <= link.top
    ]
    return _spans(line.text, spans, beside)


def joined(lines: list[str]) -> str:
    """Lines of a paragraph, emphasis that goes on in the next one as one."""
    text = "\n".join(lines)
    return text.replace("**\n**", "\n") if "**\n**" in text else text


def cell(text: str) -> str:
    """A cell's text; its line breaks are marked."""
    lines = (_SPACES.sub(" ", line) for line in text.split("\n"))
    return grid.cell(escaped("\n".join(lines)))


@lru_cache(maxsize=64)
def _style(font: Font, body: Font) -> str:
    if font.fixed:
        return "" if body.fixed else "`"
    bold = "**" if font.bold and not body.bold else ""
    return bold + ("*" if font.italic and not body.italic else "")


def _spans(text: str, spans: list[tuple[str, str]], links: list[Link]) -> str:
    out: list[str] = []
    cursor = 0
    merged: list[tuple[str, str]] = []
    for words, style in spans:
        if merged and merged[-1][1] == style:
            merged[-1] = (f"{merged[-1][0]} {words}", style)
        else:
            merged.append((words, style))
    for words, style in merged:
        begin, end = _find(text, words.strip(), cursor)
        if begin < 0:
            continue
        if begin > cursor:
            out.append(_linked(text[cursor:begin], links))
        core = text[begin:end]
        if not style or not _is_emphasised(text, begin, end):
            out.append(_linked(core, links))
        elif style == "`":
            out.append(escaped(core) if "`" in core else f"`{core}`")
        else:
            out.append(f"{style}{_linked(core, links)}{style[::-1]}")
        cursor = end
    if cursor < len(text):
        out.append(_linked(text[cursor:], links))
    return "".join(out)


def _is_emphasised(text: str, begin: int, end: int) -> bool:
    """Whether a part of a line is more than a variable, and no part of a word."""
    if text[begin - 1 : begin].isalnum() or text[end : end + 1].isalnum():
        return False
    letters = islice(filter(str.isalnum, text[begin:end]), LEAST_EMPHASISED)
    return len(list(letters)) == LEAST_EMPHASISED


def _find(text: str, words: str, cursor: int) -> tuple[int, int]:
    """Where words stand in a text, with whatever space is between them."""
    begin = text.find(words, cursor)
    if begin >= 0:
        return begin, begin + len(words)
    parts = words.split()
    if not parts:
        return -1, -1
    begin = end = text.find(parts[0], cursor)
    for part in parts:
        place = text.find(part, end)
        if begin < 0 or place < 0 or text[end:place].strip():
            return -1, -1
        end = place + len(part)
    return begin, end


def _linked(text: str, links: list[Link]) -> str:
    for link in links:
        place = text.find(link.text)
        if place >= 0 and link.text != link.url:
            before, after = text[:place], text[place + len(link.text) :]
            shown = f"[{escaped(link.text)}]({link.url.replace(')', '%29')})"
            rest = [other for other in links if other is not link]
            return f"{_linked(before, rest)}{shown}{_linked(after, rest)}"
    return escaped(text)

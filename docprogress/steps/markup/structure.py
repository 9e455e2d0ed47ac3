"""A page's structure as Markdown, from the same tokens as its text.

There is no tree and no recursion: time is linear in the page's size, however deep its
elements are nested.
"""

import html
import re

from docprogress.steps.markdown import inline as marks
from docprogress.steps.markdown.blocks import Block, joined
from docprogress.steps.markup.elements import LINES, PARAGRAPHS
from docprogress.steps.markup.page_tables import Tables
from docprogress.steps.markup.text import Text

#: Markdown may be longer than the text by this factor, and by these characters.
#: Beyond that there is none.
FACTOR = 3
EXTRA = 100_000

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_STYLES = {
    **dict.fromkeys(("b", "strong"), marks.BOLD),
    **dict.fromkeys(("i", "em", "cite", "dfn", "var"), marks.ITALIC),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), marks.CODE),
    **dict.fromkeys(("s", "del", "strike"), marks.STRIKE),
}
_BREAKS = LINES | PARAGRAPHS
_LISTS = frozenset(("ul", "ol", "menu", "dir", "dl", "li", "dd", "dt", "blockquote"))
_CELLS = frozenset(("td", "th"))
_TABLES = frozenset(("table", "tr", "caption", "thead", "tbody", "tfoot", *_CELLS))
_SPACES = re.compile(r"[ \t\n\r\f]+")
_LANGUAGE = re.compile(r"(?:^|\s)(?:lang(?:uage)?|highlight-source)-([\w+#.-]{1,40})")


class StructuredText(Text):
    """A page's text, and the same as Markdown."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._markdown_left = most * FACTOR + EXTRA
        self._tables = Tables(self._flush)
        self._spans: list[marks.Span] = []
        self._space = ""
        self._level = 0
        self._link = ""
        # The code of an element `pre`, and how many are open.
        self._code: list[str] = []
        self._codes = 0
        self._language = ""

    @property
    def markdown(self) -> str | None:
        """The Markdown of the whole page; None if it is far longer than the text."""
        self._end_code()
        self._flush()
        self._tables.finish()
        return joined(self._tables.scope.blocks, self._spend)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        super().start(name, attributes)
        if name in _BREAKS:
            self._flush()
            self._start_block(name, attributes)
        if name in _TABLES:
            self._start_table(name, attributes)
        elif name in _STYLES:
            self._tables.scope.change_style(_STYLES[name], 1)
            if self._codes and not self._language:
                self._language = _language(attributes)
        elif name == "br":
            self._line_break()
        elif name == "a":
            self._link = marks.safe_link(html.unescape(attributes.get("href", "")))

    def end(self, name: str) -> None:
        super().end(name)
        if name in _BREAKS:
            if name == "pre" and self._codes == 1:
                self._end_code()
            self._flush()
            if name in _HEADINGS:
                self._level = 0
            elif name in _LISTS:
                self._tables.scope.lists.end(name)
            elif name == "pre":
                self._codes = max(0, self._codes - 1)
        if name in _TABLES:
            self._tables.end(name)
        elif name in _STYLES:
            self._tables.scope.change_style(_STYLES[name], -1)
        elif name == "a":
            self._link = ""

    def add(self, marked: str) -> None:
        super().add(marked)
        text = html.unescape(marked) if "&" in marked else marked
        if self._codes:
            self._code.append(text)
            return
        text = _SPACES.sub(" ", text)
        if text[:1] == " ":
            self._space = " "
            text = text[1:]
        after = text[-1:] == " "
        if after:
            text = text[:-1]
        if text:
            scope = self._tables.scope
            style = scope.style | (marks.BOLD if scope.lists.in_term else 0)
            if self._space and self._spans:
                self._spans.append((self._space, style, self._link))
            self._spans.append((text, style, self._link))
            self._space = " " if after else ""

    def add_apart(self, marked: str) -> None:
        if not marked.strip():
            return
        self._separate()
        super().add_apart(marked)
        self._separate()

    def _separate(self) -> None:
        """Have a space between what is before and what follows."""
        self._space = " "
        if self._code and not self._code[-1][-1:].isspace():
            self._code.append(" ")

    def _start_block(self, name: str, attributes: dict[str, str]) -> None:
        if name in _HEADINGS:
            self._level = _HEADINGS[name]
        elif attributes.get("role") == "heading":
            self._level = _aria_level(attributes)
        elif name in _LISTS:
            self._tables.scope.lists.start(name, attributes)
        elif name == "pre":
            self._codes += 1
            self._language = self._language or _language(attributes)

    def _start_table(self, name: str, attributes: dict[str, str]) -> None:
        if name in _CELLS and self._tables.flat:
            self._separate()
        else:
            self._end_code()
            self._tables.start(name, attributes)

    def _line_break(self) -> None:
        if self._codes:
            self._code.append("\n")
        elif self._spans and self._spans[-1][0] == "\n" and not self._level:
            self._flush()  # two line breaks separate paragraphs
        elif self._spans:
            self._spans.append(("\n", 0, ""))
            self._space = ""

    def _flush(self) -> None:
        """End the paragraph; within code, the line."""
        if not self._spans:
            if self._code and not self._code[-1].endswith("\n"):
                self._code.append("\n")
            return
        spans, self._spans, self._space = self._spans, [], ""
        level, self._level = self._level, 0
        text = marks.inline(spans, plain=level > 0)
        if text.strip():
            self._tables.scope.add(Block(text, level=level))

    def _end_code(self) -> None:
        if not self._codes:
            return
        code = "".join(self._code)
        language, self._language = self._language, ""
        self._code.clear()
        if code.strip():
            code = code.removeprefix("\n").rstrip()
            self._tables.scope.add(Block(code, code=True, language=language))

    def _spend(self, characters: int) -> bool:
        self._markdown_left -= characters
        return self._markdown_left >= 0


def _aria_level(attributes: dict[str, str]) -> int:
    level = attributes.get("aria-level", "").strip()
    return int(level) if level in tuple("123456") else 2  # the default (WAI-ARIA)


def _language(attributes: dict[str, str]) -> str:
    found = _LANGUAGE.search(attributes.get("class", ""))
    return found[1] if found else ""

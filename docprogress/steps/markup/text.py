"""The visible text of a page, with the white space that a browser shows."""

import html
import re
from dataclasses import dataclass, field

from docprogress.steps.markup.elements import LINES, PARAGRAPHS
from docprogress.steps.text import LONGEST_TITLE, TooLong, clean_title

_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_SPACES = re.compile(r"[ \t\n\r\f]+")


@dataclass
class Text:
    """The text of a page."""

    most: int
    title: str = ""
    #: The first heading.
    heading: str = ""
    _heading_start: int | None = None
    _pieces: list[str] = field(default_factory=list)
    _gap: str = ""
    _preformatted: int = 0

    def __str__(self) -> str:
        return "".join(self._pieces)

    def start(self, name: str) -> None:
        if name == "br":
            self._break("\n", again=True)
        elif name in ("td", "th"):
            self._gap = self._gap if "\n" in self._gap else "\t"
        elif name in _HEADINGS and not self.heading:
            self._heading_start = len(self._pieces)
        self._edge(name)
        self._preformatted += name == "pre"

    def end(self, name: str) -> None:
        if name in _HEADINGS and self._heading_start is not None:
            begin, self._heading_start = self._heading_start, None
            words = self._pieces[begin : begin + LONGEST_TITLE]
            self.heading = clean_title("".join(words))
        self._edge(name)
        if name == "pre":
            self._preformatted = max(0, self._preformatted - 1)

    def add(self, marked: str) -> None:
        text = html.unescape(marked) if "&" in marked else marked
        if not self._preformatted:
            text = _SPACES.sub(" ", text)
            if text[:1] == " ":
                text = text[1:]
                self._gap = self._gap or " "
        if not text:
            return
        if self._pieces:
            self._write(self._gap)
        self._gap = ""
        if not self._preformatted and text[-1] == " ":
            text = text[:-1]
            self._gap = " "
        self._write(text)

    def add_apart(self, marked: str) -> None:
        """Add what is not part of the running text, with spaces around it."""
        if not marked.strip():
            return
        self._gap = self._gap or " "
        self.add(marked)
        self._gap = self._gap or " "

    def _write(self, text: str) -> None:
        self.most -= len(text)
        if self.most < 0:
            raise TooLong
        self._pieces.append(text)

    def _edge(self, name: str) -> None:
        if name in PARAGRAPHS:
            self._break("\n\n")
        elif name in LINES:
            self._break("\n")

    def _break(self, gap: str, *, again: bool = False) -> None:
        lines = self._gap.count("\n")
        if again:
            self._gap = "\n" * min(lines + 1, 2)
        elif lines < len(gap):
            self._gap = gap

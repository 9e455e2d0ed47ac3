"""The visible text of a page, with the white space that a browser shows."""

import html
import re
from dataclasses import dataclass, field

from docprogress.steps.markup.elements import LINES, PARAGRAPHS
from docprogress.steps.markup.lists import number_of
from docprogress.steps.text import LONGEST_TITLE, TooLong, clean_title

_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_SPECIAL = frozenset(("br", "td", "th", "pre", *_HEADINGS))
#: Separators before and after elements.
_GAPS = dict.fromkeys(LINES, "\n") | dict.fromkeys(PARAGRAPHS, "\n\n")
_BULLETED = frozenset(("ul", "menu", "dir"))
#: Lists within each other whose items are counted.
_MOST_LISTS = 100
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
    #: The numbers of the next items of the lists that are open; None of a bulleted one.
    _numbers: list[int | None] = field(default_factory=list)
    _number: str = ""

    def __str__(self) -> str:
        return "".join(self._pieces)

    @property
    def markdown(self) -> str | None:
        """The same as Markdown, where that is collected too."""
        return None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Note a start tag and its attributes."""
        if name in _SPECIAL:
            self._start_special(name)
        if name in _GAPS:
            self._break(_GAPS[name])
            if name == "li":
                self._start_item(attributes)
            elif name == "ol":
                self._start_list(number_of(attributes.get("start"), 1))
            elif name in _BULLETED:
                self._start_list(None)

    def end(self, name: str) -> None:
        """Note an end tag."""
        if name in _HEADINGS and self._heading_start is not None:
            begin, self._heading_start = self._heading_start, None
            words = self._pieces[begin : begin + LONGEST_TITLE]
            self.heading = clean_title("".join(words))
        if name in _GAPS:
            self._break(_GAPS[name])
            if self._numbers and (name == "ol" or name in _BULLETED):
                self._numbers.pop()
        if name == "pre":
            self._preformatted = max(0, self._preformatted - 1)

    def add(self, marked: str) -> None:
        """Add the text between two tags."""
        text = html.unescape(marked) if "&" in marked else marked
        gap = self._gap
        after = ""
        if not self._preformatted:
            text = _SPACES.sub(" ", text)
            if text[:1] == " ":
                text = text[1:]
                gap = gap or " "
            if text[-1:] == " ":
                text = text[:-1]
                after = " "
        if not text:
            self._gap = gap
            return
        self._gap = after
        if gap and self._pieces:
            self._write(gap)
        if self._number:
            self._write(f"{self._number} ")
            self._number = ""
        self._write(text)

    def add_apart(self, marked: str) -> None:
        """Add text that is not part of the running text, with spaces around it."""
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

    def _start_special(self, name: str) -> None:
        if name == "br":
            self._gap = "\n" * min(self._gap.count("\n") + 1, 2)
        elif name == "pre":
            self._preformatted += 1
        elif name in _HEADINGS:
            if not self.heading:
                self._heading_start = len(self._pieces)
        elif "\n" not in self._gap:  # a cell that is not the first of its row
            self._gap = "\t"

    def _start_list(self, number: int | None) -> None:
        if len(self._numbers) < _MOST_LISTS:
            self._numbers.append(number)

    def _start_item(self, attributes: dict[str, str]) -> None:
        self._number = ""
        if self._numbers and (number := self._numbers[-1]) is not None:
            number = number_of(attributes.get("value"), number)
            self._numbers[-1] = number + 1
            self._number = f"{number}."

    def _break(self, gap: str) -> None:
        if self._gap.count("\n") < len(gap):
            self._gap = gap

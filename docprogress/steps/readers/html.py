"""Extract the visible text of an HTML page.

The page is read token by token, as the HTML standard defines them, without building a
tree: 500 kB of nested elements take a tree builder 14 seconds (measured), and a few
megabytes of unclosed ones fill the memory. Here time is linear in the page's size.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    decode_text,
    read_bytes,
    single_page,
    too_long,
)
from docprogress.steps.text import LONGEST_TITLE, TooLong, clean_title

#: Bytes in which a page must declare its encoding.
DECLARATION = 4096

_DECLARED = re.compile(rb"(?i)(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]{1,40})")

_NAME = re.compile(r"/?([a-zA-Z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"[\s/]*([^\s/>][^\s/>=]*)(\s*+=\s*+)?")
_BARE_VALUE = re.compile(r"[^\s>]*")
_BETWEEN = re.compile(r"[\s/]*")
_COMMENT_END = re.compile(r"--!?>")
_SPACES = re.compile(r"[ \t\n\r\f]+")
_HIDDEN_STYLE = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*hidden")

#: Elements whose content is not markup; only the last one is visible text.
_RAW = {
    name: re.compile(rf"(?i)</{name}(?=[\s/>])")
    for name in (
        *("script", "style", "xmp", "iframe", "noembed", "noframes"),
        *("title", "textarea"),
    )
}
#: Elements that are hidden with their content.
_NOT_SHOWN = {"template", "noscript"}
_VOID = set(
    "area base br col embed hr img input link meta source track wbr".split()  # noqa: SIM905
)
#: Elements whose end tag may be omitted.
_SELF_ENDING = set(
    "body dd dt head html li optgroup option p rp rt tbody td tfoot th thead tr".split()  # noqa: SIM905
)
#: Elements that begin and end a line, and those surrounded by empty lines.
_LINES = set(
    "address article aside body button caption center dd details dialog dir div dt "  # noqa: SIM905
    "fieldset figcaption figure footer form head header hr html legend li main menu "
    "nav ol optgroup option search section select summary tbody tfoot thead title tr "
    "ul".split()
)
_PARAGRAPHS = set("blockquote dl h1 h2 h3 h4 h5 h6 p pre table".split())  # noqa: SIM905


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read an HTML page as one page of text."""

    def pages() -> Iterator[Page]:
        data = read_bytes(document, settings)
        decoded = decode_text(document, data, facts, declared_encoding(data))
        try:
            text = visible_text(decoded.text, most=settings.max_characters)
        except TooLong:
            raise too_long(document, settings) from None
        facts["engine"] = "html"
        if text.title:
            facts["title"] = text.title
        yield single_page(str(text), facts)

    return Extraction(pages(), total=1, facts=facts)


@dataclass
class Text:
    """The text of a page."""

    most: int
    title: str = ""
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
        self._edge(name)
        self._preformatted += name == "pre"

    def end(self, name: str) -> None:
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

    def _write(self, text: str) -> None:
        self.most -= len(text)
        if self.most < 0:
            raise TooLong
        self._pieces.append(text)

    def _edge(self, name: str) -> None:
        if name in _PARAGRAPHS:
            self._break("\n\n")
        elif name in _LINES:
            self._break("\n")

    def _break(self, gap: str, *, again: bool = False) -> None:
        lines = self._gap.count("\n")
        if again:
            self._gap = "\n" * min(lines + 1, 2)
        elif lines < len(gap):
            self._gap = gap


def declared_encoding(data: bytes) -> str | None:
    """The encoding that a page declares."""
    found = _DECLARED.search(data[:DECLARATION])
    return found[1].decode("ascii", "ignore") if found else None


def visible_text(page: str, *, most: int) -> Text:
    """Extract the text and the title of a page.

    Raises:
        TooLong: The text has more than `most` characters.
    """
    text = Text(most)
    place = 0
    while 0 <= place < len(page):
        tag = page.find("<", place)
        if tag < 0:
            text.add(page[place:])
            break
        if tag > place:
            text.add(page[place:tag])
        named = _NAME.match(page, tag + 1)
        if named is None:
            place = _after_comment(page, tag, text)
            continue
        name = named[1].lower()
        place, hidden = _after_attributes(page, named.end())
        if page[tag + 1] == "/":
            text.end(name)
        elif name in _RAW:
            place = _after_raw(page, place, name, text)
        elif name in _NOT_SHOWN or (
            hidden and name not in _VOID and name not in _SELF_ENDING
        ):
            place = _after_element(page, place, name)
        else:
            text.start(name)
    return text


def _after_comment(page: str, tag: int, text: Text) -> int:
    """The position after a comment, a declaration, or a literal `<`; -1 at the end."""
    if page.startswith("<!--", tag):
        if page.startswith((">", "->"), tag + 4):
            return page.index(">", tag) + 1
        end = _COMMENT_END.search(page, tag + 4)
        return end.end() if end else -1
    if page.startswith(("<!", "<?", "</"), tag):
        return page.find(">", tag) + 1 or -1
    text.add("<")
    return tag + 1


def _after_attributes(page: str, place: int) -> tuple[int, bool]:
    """The position after a tag, -1 if it does not end, and whether it hides content."""
    hidden = False
    while True:
        attribute = _ATTRIBUTE.match(page, place)
        if attribute is None:
            place = _BETWEEN.match(page, place).end()  # type: ignore[union-attr]
            return (place + 1 if place < len(page) else -1), hidden
        place = attribute.end()
        value = ""
        if attribute[2]:
            quote = page[place : place + 1]
            if quote in ('"', "'"):
                end = page.find(quote, place + 1)
                if end < 0:
                    return -1, hidden
                value, place = page[place + 1 : end], end + 1
            else:
                bare = _BARE_VALUE.match(page, place)
                assert bare is not None
                value, place = bare[0], bare.end()
        name = attribute[1].lower()
        if name == "hidden" or (name == "style" and _HIDDEN_STYLE.search(value)):
            hidden = True


def _after_raw(page: str, place: int, name: str, text: Text) -> int:
    end = _RAW[name].search(page, place) if place >= 0 else None
    if end is None:
        return -1
    content = page[place : end.start()]
    if name == "title" and not text.title:
        text.title = clean_title(html.unescape(content[: 4 * LONGEST_TITLE]))
    elif name == "textarea":
        text.add(content)
    return _after_attributes(page, end.end())[0]


def _after_element(page: str, place: int, name: str) -> int:
    """The position after the element `name` and its content."""
    if place < 0:
        return -1
    depth = 1
    for tag in re.compile(rf"(?i)<(/?){re.escape(name)}(?=[\s/>])").finditer(
        page, place
    ):
        depth += -1 if tag[1] else 1
        if not depth:
            return _after_attributes(page, tag.end())[0]
    return -1

"""Extract the visible text of an HTML page.

The page is read token by token, as the HTML standard defines them, without building a
tree: 500 kB of nested elements take a tree builder 14 seconds (measured), and a few
megabytes of unclosed ones fill the memory. Here time is linear in the page's size.
"""

import html
import re
from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps import textual
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    decode_text,
    read_bytes,
    single_page,
    too_long,
)
from docprogress.steps.markup import tags
from docprogress.steps.markup.elements import ALWAYS_SHOWN, NOT_SHOWN, RAW, VOID
from docprogress.steps.markup.hidden import HiddenElement
from docprogress.steps.markup.stylesheet import Stylesheet, declared
from docprogress.steps.markup.text import Text
from docprogress.steps.text import LONGEST_TITLE, TooLong, clean_title

#: Bytes in which a page must declare its encoding.
DECLARATION = 4096

_DECLARED = re.compile(rb"(?i)(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]{1,40})")

#: The kinds of `input` whose value is shown as text.
_SHOWN_INPUTS = frozenset(
    "text search url tel email number date datetime-local month week time submit "  # noqa: SIM905
    "button reset".split()
)


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read an HTML page as one page of text."""

    def pages() -> Iterator[Page]:
        data = read_bytes(document, settings)
        decoded = decode_text(document, data, facts, declared_encoding(data))
        xml = facts.get("media_type") == textual.XHTML
        try:
            text = visible_text(decoded.text, most=settings.max_characters, xml=xml)
        except TooLong:
            raise too_long(document, settings) from None
        facts["engine"] = "html"
        if text.title:
            facts["title"] = text.title
        yield single_page(str(text), facts)

    return Extraction(pages(), total=1, facts=facts)


def declared_encoding(data: bytes) -> str | None:
    """The encoding that a page declares."""
    found = _DECLARED.search(data[:DECLARATION])
    return found[1].decode("ascii", "ignore") if found else None


def visible_text(page: str, *, most: int, xml: bool = False) -> Text:
    """Extract the text and the title of a page.

    Args:
        page: The page.
        most: The limit of characters.
        xml: Whether the page is XHTML, where any element may be closed by its start
            tag.

    Raises:
        TooLong: The text has more than `most` characters.
    """
    text = Text(most)
    _PageReader(page, text, xml=xml).read()
    return text


class _PageReader:
    """Goes through a page's tokens once, and collects its visible text."""

    def __init__(self, page: str, text: Text, *, xml: bool) -> None:
        self._page = page
        self._text = text
        self._xml = xml
        self._foreign = 0
        self._hidden: HiddenElement | None = None
        self._styles = Stylesheet()

    def read(self) -> None:
        page, text = self._page, self._text
        place = 0
        while 0 <= place < len(page):
            tag = page.find("<", place)
            end = tag if tag >= 0 else len(page)
            if end > place and self._hidden is None:
                text.add(page[place:end])
            if tag < 0:
                return
            named = tags.NAME.match(page, tag + 1)
            if named is None:
                place = self._after_other(tag)
                continue
            name = named[1].lower()
            place, attributes, closed = tags.after_name(page, named.end())
            if page[tag + 1] == "/":
                self._end(name)
                continue
            closed = closed and (self._xml or self._foreign > 0)
            if name in RAW and not closed:
                place = self._after_raw(place, name, attributes)
            else:
                self._start(name, attributes, closed=closed)

    def _start(self, name: str, attributes: dict[str, str], *, closed: bool) -> None:
        if self._hidden is not None:
            if not self._hidden.ends_before(name):
                if closed:
                    self._end(name)
                return
            self._hidden = None
        if name in NOT_SHOWN or (
            attributes and name not in ALWAYS_SHOWN and self._hides(name, attributes)
        ):
            self._hidden = None if closed else HiddenElement(name)
            return
        if name in ("svg", "math"):
            self._foreign += not closed
        elif name in VOID and attributes and not self._hides(name, attributes):
            self._replaced(name, attributes)
        self._text.start(name)
        if closed and name not in VOID:
            self._text.end(name)

    def _end(self, name: str) -> None:
        if self._hidden is not None:
            if self._hidden.ends_at(name):
                self._hidden = None
                return
            if not self._hidden.ends_with(name):
                return
            self._hidden = None
        if name in ("svg", "math"):
            self._foreign = max(0, self._foreign - 1)
        self._text.end(name)

    def _hides(self, name: str, attributes: dict[str, str]) -> bool:
        """Whether an element is not displayed."""
        own = declared(attributes["style"]) if "style" in attributes else None
        if own and own.important:
            return own.hides
        if self._styles and ("class" in attributes or "id" in attributes):
            marks = {f".{mark}" for mark in attributes.get("class", "").split()}
            marks.add(f"#{attributes.get('id', '').strip()}")
            rule = self._styles.visibility(name, marks)
            if rule and (own is None or rule.important):
                return rule.hides
        return own.hides if own else "hidden" in attributes

    def _replaced(self, name: str, attributes: dict[str, str]) -> None:
        """Add what stands for an element without content: its text or its value."""
        if name == "img":
            self._text.add_apart(attributes.get("alt", ""))
        elif name == "input":
            kind = attributes.get("type", "text").strip().lower()
            if kind in _SHOWN_INPUTS:
                self._text.add_apart(attributes.get("value", ""))

    def _after_other(self, tag: int) -> int:
        """The position after a comment, a declaration, or a literal `<`."""
        page = self._page
        if (self._xml or self._foreign) and page.startswith("<![CDATA[", tag):
            end = page.find("]]>", tag)
            if self._hidden is None:
                content = page[tag + 9 : end if end >= 0 else len(page)]
                self._text.add(html.escape(content))
            return end + 3 if end >= 0 else -1
        place = tags.after_comment(page, tag)
        if place is not None:
            return place
        if self._hidden is None:
            self._text.add("<")
        return tag + 1

    def _after_raw(self, place: int, name: str, attributes: dict[str, str]) -> int:
        content, place = tags.raw_content(self._page, place, name)
        if name == "style":
            if attributes.get("media", "").strip().lower() in ("", "all", "screen"):
                self._styles.add(content)
        elif self._hidden is not None:
            pass
        elif name == "title" and not self._foreign and not self._text.title:
            cut = content[: 4 * LONGEST_TITLE]
            self._text.title = clean_title(html.unescape(cut))
        elif name == "textarea" and not self._hides(name, attributes):
            self._text.add_apart(content)
        return place

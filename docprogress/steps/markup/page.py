"""A page's visible text, token by token.

The page is read as the HTML standard defines it, without building a tree: 500 kB of
nested elements take a tree builder 14 seconds (measured), and a few megabytes of
unclosed ones fill the memory. Here time is linear in the page's size.
"""

import html

from docprogress.steps.markup import tags
from docprogress.steps.markup.elements import ALWAYS_SHOWN, NOT_SHOWN, RAW, VOID
from docprogress.steps.markup.hidden import HiddenElement
from docprogress.steps.markup.stylesheet import Stylesheet, declared
from docprogress.steps.markup.text import Text
from docprogress.steps.text import LONGEST_TITLE, clean_title

#: The kinds of `input` whose value is shown as text.
_SHOWN_INPUTS = frozenset(
    "text search url tel email number date datetime-local month week time submit "  # noqa: SIM905
    "button reset".split()
)


#: Elements with other rules for the elements in them.
_FOREIGN = frozenset(("svg", "math"))

_NO_ATTRIBUTES: dict[str, str] = {}


class PageReader:
    """Goes through a page's tokens once, and collects its visible text.

    Args:
        page: The page.
        text: Receives the text.
        xml: Whether the page is XHTML, where any element may be closed by its start
            tag.
    """

    def __init__(self, page: str, text: Text, *, xml: bool = False) -> None:
        #: Where the elements that are hidden begin and end.
        self.hidden: list[tuple[int, int]] = []
        self._page = page
        self._text = text
        self._xml = xml
        self._foreign = 0
        self._hidden: HiddenElement | None = None
        self._hidden_from = 0
        self._styles = Stylesheet()

    def read(self) -> None:
        """Read the page.

        Raises:
            TooLong: The text has more characters than the limit.
        """
        page, text = self._page, self._text
        place, length = 0, len(page)
        while 0 <= place < length:
            tag = page.find("<", place)
            end = tag if tag >= 0 else length
            if end > place and self._hidden is None:
                text.add(page[place:end])
            if tag < 0:
                break
            named = tags.NAME.match(page, tag + 1)
            if named is None:
                place = self._after_other(tag)
                continue
            name, place = named[1].lower(), named.end()
            attributes, closed = _NO_ATTRIBUTES, False
            if page.startswith(">", place):  # most tags have no attributes
                place += 1
            else:
                place, attributes, closed = tags.after_name(page, place)
            if page.startswith("/", tag + 1):
                if self._hidden is None and name not in _FOREIGN:
                    text.end(name)
                else:
                    self._end(name, tag, place)
                continue
            closed = closed and (self._xml or self._foreign > 0)
            if name in RAW and not closed:
                place = self._after_raw(place, name, attributes)
            else:
                self._start(name, attributes, tag, closed=closed)
        if self._hidden is not None:
            self.hidden.append((self._hidden_from, len(page)))

    def _start(
        self, name: str, attributes: dict[str, str], tag: int, *, closed: bool
    ) -> None:
        if self._hidden is not None:
            if not self._hidden.ends_before(name):
                if closed:
                    self._end(name, tag, tag)
                return
            self._show(tag)
        if name in NOT_SHOWN or (
            attributes and name not in ALWAYS_SHOWN and self._hides(name, attributes)
        ):
            if not closed:
                self._hidden, self._hidden_from = HiddenElement(name), tag
            return
        if name in _FOREIGN:
            self._foreign += not closed
        elif name in VOID and attributes and not self._hides(name, attributes):
            self._replaced(name, attributes)
        self._text.start(name, attributes)
        if closed and name not in VOID:
            self._text.end(name)

    def _end(self, name: str, tag: int, place: int) -> None:
        if self._hidden is not None:
            if self._hidden.ends_at(name):
                self._show(place)
                return
            if not self._hidden.ends_with(name):
                return
            self._show(tag)
        if name in _FOREIGN:
            self._foreign = max(0, self._foreign - 1)
        self._text.end(name)

    def _show(self, place: int) -> None:
        """End the hidden element before a position."""
        self._hidden = None
        self.hidden.append((self._hidden_from, place))

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
        """Add the replacement of an element without content: its text or its value."""
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

"""Read OpenDocument texts in document order, in bounded memory.

First the headers, then the body, the notes and the footers, each distinct one once.
"""

import posixpath
from collections.abc import Callable, Iterator

from docprogress.documents import Document, Page
from docprogress.errors import Unreadable
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    single_page,
    too_long,
    wants_structure,
)
from docprogress.steps.metadata import HIDDEN_TEXT, add_warning
from docprogress.steps.readers.flow import Budget, Flow
from docprogress.steps.readers.odf import Package, name, read_properties
from docprogress.steps.readers.odf_body import Body
from docprogress.steps.readers.odf_styles import Styles
from docprogress.steps.text import TooLong

_DEFAULT_MASTER = "Standard"


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read an OpenDocument text as one page."""
    package = Package(document, settings, facts, what="an OpenDocument text")
    facts["engine"] = "odf"

    def pages() -> Iterator[Page]:
        read_properties(package, facts)
        try:
            flows = list(_flows(package, settings))
        except TooLong:
            raise too_long(document, settings) from None
        if any(flow.budget.hides for flow in flows):
            add_warning(facts, HIDDEN_TEXT)
        text = "\n".join(text for flow in flows if (text := str(flow)).strip())
        yield single_page(text, facts, markdown=_markdown(flows))

    return Extraction(pages(), total=1, facts=facts, close=package.close)


class Inserter:
    """Adds the text of the charts and formulas that are embedded as objects."""

    def __init__(self, package: Package, budget: Budget) -> None:
        self._package = package
        self._budget = budget

    def __call__(self, address: str, flow: Flow) -> None:
        if self._package.flat or not address or "://" in address:
            return
        part = posixpath.normpath(posixpath.join(address, "content.xml")).lstrip("/")
        body = Body(self._budget, Styles())
        try:
            self._package.parse(part, body)
        except Unreadable:
            return
        body.flow.end_paragraph()
        flow.add(body.flow)


def _flows(package: Package, settings: Settings) -> Iterator[Flow]:
    budget = Budget(settings.max_characters, structure=wants_structure(settings))
    styles = Styles()
    body = _Text(
        budget,
        styles,
        comments=settings.include_comments,
        insert=Inserter(package, budget),
    )
    # A flat file has both parts in one.
    if not package.flat:
        package.parse("styles.xml", body)
        styles.begin_part()
        body.leave()
    package.parse("content.xml", body)
    body.flow.end_paragraph()
    yield from body.shown("header", styles.masters)
    yield body.flow
    yield body.notes
    yield body.comments
    yield from body.shown("footer", styles.masters)


def _markdown(flows: list[Flow]) -> str | None:
    found = [flow.markdown for flow in flows]
    if any(one is None for one in found):
        return None
    return "\n\n".join(one for one in found if one)


class _Text(Body):
    """Reads a text, and the headers and footers of its master pages."""

    def __init__(
        self,
        budget: Budget,
        styles: Styles,
        *,
        comments: bool,
        insert: Callable[[str, Flow], None],
    ) -> None:
        super().__init__(budget, styles, comments=comments, insert=insert)
        self._found: dict[str, list[tuple[str, Flow]]] = {}
        self._next: dict[str, str] = {}
        self._master: list[tuple[str, Flow]] = []

    def shown(self, kind: str, masters: list[str]) -> Iterator[Flow]:
        """The headers or footers of the master pages that are used."""
        first = next(iter(self._found), "")
        default = _DEFAULT_MASTER if _DEFAULT_MASTER in self._found else first
        waiting = list(reversed([default, *masters]))
        seen: set[str] = set()
        texts: set[str] = set()
        while waiting:
            master = waiting.pop()
            if master in seen:
                continue
            seen.add(master)
            waiting.append(self._next.get(master, master))
            for one, flow in self._found.get(master, ()):
                text = " ".join(str(flow).split())
                if one == kind and text and text not in texts:
                    texts.add(text)
                    yield flow

    def start_style_master_page(self, attributes: dict[str, str]) -> None:
        key = attributes.get(name("style:name"), "")
        self._master = self._found.setdefault(key, [])
        if follows := attributes.get(name("style:next-style-name")):
            self._next[key] = follows

    def start_style_header(self, attributes: dict[str, str]) -> None:
        self._begin_margin("header", attributes)

    start_style_header_left = start_style_header_first = start_style_header

    def start_style_footer(self, attributes: dict[str, str]) -> None:
        self._begin_margin("footer", attributes)

    start_style_footer_left = start_style_footer_first = start_style_footer

    def _begin_margin(self, kind: str, attributes: dict[str, str]) -> None:
        if attributes.get(name("style:display")) == "false":
            self.skipped = 1
            return
        flow = Flow(self.budget)
        self._master.append((kind, flow))
        self.go_to(flow)

    def leave(self) -> None:
        """Collect what follows into the body."""
        self.go_to(self.flow)

    def start_office_body(self, _: dict[str, str]) -> None:
        self.leave()

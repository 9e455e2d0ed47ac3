"""Read PowerPoint presentations slide by slide, in bounded memory."""

import re
from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.errors import Unreadable
from docprogress.formatting import plural
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    check_pages,
    too_long,
    wants_structure,
)
from docprogress.steps.markdown.inline import safe_link
from docprogress.steps.metadata import add_warning, numbered
from docprogress.steps.readers import ooxml
from docprogress.steps.readers.drawings import add_drawing
from docprogress.steps.readers.flow import Budget, Flow
from docprogress.steps.readers.slide import Slide
from docprogress.steps.readers.slide_comments import Authors, Comments
from docprogress.steps.readers.slide_masters import Masters
from docprogress.steps.text import TooLong, clean, clean_title
from docprogress.steps.zipped_xml import ZippedXml

_MAIN_PART = r"(?i)ppt/presentation\d*\.xml"

#: Bytes of a slide in which its root element is looked for.
HEAD = 64 * 1024

_ROOT = re.compile(rb"<(?:\w{1,20}:)?sld\s[^>]*>")
_HIDDEN = re.compile(rb"\sshow\s*=\s*[\"'](?:0|false)[\"']")


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a presentation: a page for each slide that is shown."""
    package = ZippedXml(
        document.name,
        document.path,
        what="a PowerPoint presentation",
        max_characters=settings.max_characters,
        facts=facts,
    )
    facts["engine"] = "pptx"
    try:
        presentation = _Presentation(package, document, settings, facts)
    except BaseException:
        package.close()
        raise
    return Extraction(
        presentation.pages(),
        total=max(1, len(presentation.slides)),
        facts=facts,
        unit="slide",
        close=package.close,
    )


class _Presentation:
    def __init__(
        self, package: ZippedXml, document: Document, settings: Settings, facts: Facts
    ) -> None:
        self._package = package
        self._document = document
        self._settings = settings
        self._facts = facts
        self._budget = Budget(
            settings.max_characters, structure=wants_structure(settings)
        )
        self._masters = Masters(package, self._parse_master)
        ooxml.read_properties(package, facts)
        main = ooxml.main_part(package, _MAIN_PART) or "ppt/presentation.xml"
        self._related = ooxml.relations(package, main)
        order = _Order()
        package.parse(main, order)
        check_pages(document, len(order.slides), settings, unit="slide")
        every = [
            found.target
            for key in order.slides
            if (found := self._related.get(key)) and found.target in package.names
        ]
        #: The parts of the slides that are read, in their order.
        self.slides = [
            part for part in every if settings.include_hidden or not self._hidden(part)
        ]
        if hidden := len(every) - len(self.slides):
            facts["hidden_slides"] = hidden
            left_out = f"{plural(hidden, 'hidden slide')} left out (include_hidden)"
            add_warning(facts, left_out)

    def pages(self) -> Iterator[Page]:
        authors = self._authors()
        failed: dict[int, Unreadable] = {}
        empty = True
        for number, part in enumerate(self.slides, start=1):
            try:
                page = self._page(number, part, authors)
            except Unreadable as error:
                failed[number] = error
                page = Page(number=number, text="")
            except TooLong:
                raise too_long(self._document, self._settings) from None
            empty = empty and not page.text.strip()
            if number == len(self.slides):
                self._note(failed, empty=empty)
            yield page
        if not self.slides:
            hidden = self._facts.get("hidden_slides")
            self._facts["note"] = "all slides are hidden" if hidden else "no slides"
            yield Page(number=1, text="")

    def _note(self, failed: dict[int, Unreadable], *, empty: bool) -> None:
        if failed and len(failed) == len(self.slides):
            raise failed[1]
        if failed:
            slides = plural(len(self.slides), "slide")
            self._facts["note"] = f"{len(failed)} of {slides} could not be read"
            unread = numbered("slide", list(failed))
            add_warning(self._facts, f"{unread} could not be read")
        elif empty:
            self._facts["note"] = "no text"

    def _page(self, number: int, part: str, authors: dict[str, str]) -> Page:
        related = ooxml.relations(self._package, part)
        slide = self._parse(part, related)
        flow = slide.finish()
        for shown in self._masters.shown(slide, related):
            flow.add(shown)
        for found in related.values():
            if found.kind == "notesSlide" and not found.external:
                inner = ooxml.relations(self._package, found.target)
                flow.add(self._parse(found.target, inner, notes=True).finish())
            elif found.kind == "comments" and self._settings.include_comments:
                comments = Comments(self._budget, authors)
                self._package.parse(found.target, comments)
                for comment in comments.comments:
                    flow.add_text(comment)
        markdown = flow.markdown
        return Page(
            number=number,
            text=clean(str(flow)),
            title=clean_title(slide.title) or None,
            markdown=None if markdown is None else clean(markdown),
        )

    def _parse(
        self,
        part: str,
        related: dict[str, ooxml.Relation],
        *,
        notes: bool = False,
        master: bool = False,
    ) -> Slide:
        def insert(kind: str, key: str, into: Flow) -> None:
            diagram = kind == "diagram"
            add_drawing(self._package, related.get(key), into, diagram=diagram)

        def link(key: str) -> str:
            found = related.get(key)
            external = found is not None and found.external
            return safe_link(found.target) if found is not None and external else ""

        slide = Slide(
            self._budget, insert=insert, link=link, notes=notes, master=master
        )
        self._package.parse(part, slide)
        return slide

    def _parse_master(self, part: str) -> Slide:
        return self._parse(part, ooxml.relations(self._package, part), master=True)

    def _hidden(self, part: str) -> bool:
        head = next(self._package.blocks(part), b"")[:HEAD]
        root = _ROOT.search(head.replace(b"\0", b""))
        return root is not None and _HIDDEN.search(root[0]) is not None

    def _authors(self) -> dict[str, str]:
        authors = Authors()
        if self._settings.include_comments:
            for found in self._related.values():
                if found.kind in ("commentAuthors", "authors"):
                    self._package.parse(found.target, authors)
        return authors.names


class _Order:
    """The slides' relations, in the order in which they are shown."""

    _SLIDE = frozenset(ooxml.elements((ooxml.SLIDES, "sldId")))

    def __init__(self) -> None:
        self.slides: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in self._SLIDE:
            self.slides.append(ooxml.relation(attributes))

    def end(self, _: str) -> None: ...
    def characters(self, _: str) -> None: ...

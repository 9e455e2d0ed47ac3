"""Read OpenDocument presentations and drawings page by page, in bounded memory."""

from collections import deque
from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.formatting import plural
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    check_pages,
    too_long,
    wants_structure,
)
from docprogress.steps.metadata import add_warning
from docprogress.steps.readers.flow import Budget, Flow
from docprogress.steps.readers.handlers import NamedHandlers
from docprogress.steps.readers.odf import Package, name, names, read_properties
from docprogress.steps.readers.odf_body import Body
from docprogress.steps.readers.odf_styles import Styles
from docprogress.steps.readers.odt import Inserter
from docprogress.steps.text import TooLong, clean, clean_title

#: Frames with content that is on every page.
_REPEATED = ("page-number", "date-time", "header", "footer", "page")

#: What stands on a master page for the texts of each page.
_FIELDS = names(
    "text:page-number text:page-count text:date text:time presentation:footer",
    "presentation:header presentation:date-time",
)


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a presentation: a page for each slide that is shown."""
    package = Package(document, settings, facts, what="an OpenDocument presentation")
    facts["engine"] = "odf"
    try:
        read_properties(package, facts)
        count = _Count(include_hidden=settings.include_hidden)
        package.parse("content.xml", count)
        check_pages(document, count.shown + count.hidden, settings, unit="slide")
    except BaseException:
        package.close()
        raise
    if count.hidden and not settings.include_hidden:
        facts["hidden_slides"] = count.hidden
        left_out = f"{plural(count.hidden, 'hidden slide')} left out (include_hidden)"
        add_warning(facts, left_out)
    return Extraction(
        _pages(document, package, settings, facts, count.shown),
        total=max(1, count.shown),
        facts=facts,
        unit="slide",
        close=package.close,
    )


def _pages(
    document: Document, package: Package, settings: Settings, facts: Facts, count: int
) -> Iterator[Page]:
    budget = Budget(settings.max_characters, structure=wants_structure(settings))
    styles = Styles()
    slides = _Slides(budget, styles, package, settings)
    empty = True
    number = 0
    try:
        if not package.flat:
            package.parse("styles.xml", slides)
            styles.begin_part()
        for _ in package.parse_lazily("content.xml", slides):
            while slides.done:
                number += 1
                page = _page(number, *slides.done.popleft())
                empty = empty and not page.text.strip()
                if number == count and empty:
                    facts["note"] = "no text"
                yield page
    except TooLong:
        raise too_long(document, settings) from None
    if not number:
        hidden = "all slides are hidden"
        facts["note"] = hidden if facts.get("hidden_slides") else "no slides"
        yield Page(number=1, text="")


def _page(number: int, title: str, flow: Flow) -> Page:
    markdown = flow.markdown
    return Page(
        number=number,
        text=clean(str(flow)),
        title=clean_title(title) or None,
        markdown=None if markdown is None else clean(markdown),
    )


class _Count(NamedHandlers):
    """Counts the pages that are shown and those that are hidden."""

    names = names("style:style style:drawing-page-properties draw:page")

    def __init__(self, *, include_hidden: bool) -> None:
        self._include_hidden = include_hidden
        self._styles = Styles()
        self.shown = 0
        self.hidden = 0
        super().__init__(self._styles, self)

    def start_draw_page(self, attributes: dict[str, str]) -> None:
        style = attributes.get(name("draw:style-name"), "")
        if style in self._styles.hidden_pages and not self._include_hidden:
            self.hidden += 1
        else:
            self.shown += 1

    def characters(self, _: str) -> None: ...


class _Slides(Body):
    """Collects each slide: its title first, then its frames, its notes."""

    bullets = False

    def __init__(
        self, budget: Budget, styles: Styles, package: Package, settings: Settings
    ) -> None:
        super().__init__(
            budget,
            styles,
            comments=settings.include_comments,
            insert=Inserter(package, budget),
        )
        #: Slides that are complete: their titles and flows.
        self.done: deque[tuple[str, Flow]] = deque()
        self._include_hidden = settings.include_hidden
        self._title = Flow(budget)
        self._slide_notes = Flow(budget)
        self._footers: dict[str, list[str]] = {}
        self._footer = ""
        self._in_notes = False
        self._frames: list[bool] = []
        # What master pages show, until a page has shown it; the name of the one that is
        # read, and that of the page's.
        self._masters: dict[str, Flow] = {}
        self._master: str | None = None
        self._shown_master = ""

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if self._master is not None and not self.skipped and element in _FIELDS:
            self.skipped = 1
            return
        super().start(element, attributes)

    def start_style_master_page(self, attributes: dict[str, str]) -> None:
        self._master = attributes.get(name("style:name"), "")
        self.flow = Flow(self.budget)
        self.go_to(self.flow)

    def end_style_master_page(self) -> None:
        self._masters[self._master or ""] = self.flow
        self._master = None
        self.go_to(Flow(self.budget))

    def start_draw_page(self, attributes: dict[str, str]) -> None:
        style = attributes.get(name("draw:style-name"), "")
        if style in self.styles.hidden_pages and not self._include_hidden:
            self.skipped = 1
            return
        self.flow = Flow(self.budget)
        self._title = Flow(self.budget)
        self._slide_notes = Flow(self.budget)
        self.comments = Flow(self.budget)
        bare = style in self.styles.bare_pages
        master = attributes.get(name("draw:master-page-name"), "")
        self._shown_master = "" if bare else master
        footer = attributes.get(name("presentation:use-footer-name"), "")
        self._footer = "".join(self._footers.get(footer, ())).strip()
        self._frames.clear()
        self.go_to(self.flow)

    def end_draw_page(self) -> None:
        title = " ".join(str(self._title).split())
        slide = Flow(self.budget)
        if title:
            slide.begin_paragraph(heading=1)
            slide.write(title)
            slide.end_paragraph()
        slide.add(self.flow)
        if (shown := self._masters.pop(self._shown_master, None)) is not None:
            slide.add(shown)
        slide.add_text(self._footer)
        slide.add(self._slide_notes)
        slide.add(self.comments)
        self.done.append((title, slide))

    def start_draw_frame(self, attributes: dict[str, str]) -> None:
        kind = attributes.get(name("presentation:class"), "")
        # Placeholders of a master page prompt, except those that every page shows.
        left_out = kind in _REPEATED
        if self._master is not None:
            left_out = bool(kind) and kind not in _REPEATED
        if left_out:
            self.skipped = 1
            return
        self.pictures.start_draw_frame(attributes)
        titled = kind == "title" and not self._in_notes and not self._title.pieces
        self._frames.append(titled)
        if titled:
            self._aside("title", self._title)

    def end_draw_frame(self) -> None:
        self.pictures.end_draw_frame()
        if self._frames and self._frames.pop():
            self._end_aside("title")

    def start_presentation_notes(self, _: dict[str, str]) -> None:
        if self._master is not None:
            self.skipped = 1
            return
        self._in_notes = True
        self._aside("notes", self._slide_notes)

    def end_presentation_notes(self) -> None:
        self._in_notes = False
        self._end_aside("notes")

    def start_presentation_footer_decl(self, attributes: dict[str, str]) -> None:
        key = attributes.get(name("presentation:name"), "")
        self._collected = self._footers.setdefault(key, [])

    def end_presentation_footer_decl(self) -> None:
        self._collected = None

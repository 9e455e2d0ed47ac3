"""Read the text of Word documents in document order, in bounded memory.

First the headers, then the body, the notes and the footers, each distinct one once.
"""

import contextlib
import posixpath
import tempfile
from collections.abc import Iterator
from pathlib import Path

from docprogress.documents import Document, Page
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import Settings
from docprogress.steps import formats
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    single_page,
    too_long,
    wants_structure,
)
from docprogress.steps.markdown.inline import safe_link
from docprogress.steps.metadata import HIDDEN_TEXT
from docprogress.steps.readers.docx_body import Story
from docprogress.steps.readers.docx_numbering import Numbering
from docprogress.steps.readers.docx_sections import Sections
from docprogress.steps.readers.docx_styles import Styles
from docprogress.steps.readers.drawings import add_drawing
from docprogress.steps.readers.flow import Budget, Flow
from docprogress.steps.readers.ooxml import (
    Relation,
    attribute,
    main_part,
    read_properties,
    relations,
    switched_on,
)
from docprogress.steps.text import TooLong
from docprogress.steps.xml_parsing import Handler
from docprogress.steps.zipped_xml import ZippedXml

#: Documents within documents that are read.
MAX_DEPTH = 3

_MAIN_PART = r"word/document\d*\.xml"
_SEPARATORS = ("separator", "continuationSeparator", "continuationNotice")


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a Word document as one page."""
    return _read(document, settings=settings, facts=facts, depth=0)


def _read(
    document: Document, *, settings: Settings, facts: Facts, depth: int
) -> Extraction:
    package = ZippedXml(
        document.name,
        document.path,
        what="a Word document",
        max_characters=settings.max_characters,
        facts=facts,
    )
    facts["engine"] = "docx"

    def pages() -> Iterator[Page]:
        read_properties(package, facts)
        docx = _Docx(package, document, settings, depth)
        try:
            docx.read()
        except TooLong:
            raise too_long(document, settings) from None
        if docx.warnings:
            facts["warnings"] = [*facts.get("warnings", ()), *docx.warnings]
        yield single_page(docx.text, facts, markdown=docx.markdown)

    return Extraction(pages(), total=1, facts=facts, close=package.close)


class _Docx:
    """The parts of one document, and their shared state."""

    def __init__(
        self, package: ZippedXml, document: Document, settings: Settings, depth: int
    ) -> None:
        self._package = package
        self._document = document
        self._settings = settings
        self._depth = depth
        self._main = main_part(package, _MAIN_PART) or "word/document.xml"
        self._related = relations(package, self._main)
        self._budget = Budget(
            settings.max_characters, structure=wants_structure(settings)
        )
        self._flows: list[Flow] = []
        self._read_parts: set[str] = set()
        self.styles = Styles()
        self._numbering = Numbering(self.styles)
        self.warnings: list[str] = []

    @property
    def text(self) -> str:
        return "\n".join(text for flow in self._flows if (text := str(flow)).strip())

    @property
    def markdown(self) -> str | None:
        found = [flow.markdown for flow in self._flows]
        if any(one is None for one in found):
            return None
        return "\n\n".join(one for one in found if one)

    def read(self) -> None:
        self._parse_optional("styles", self.styles)
        self._parse_optional("numbering", self._numbering)
        even_pages = _EvenPages()
        self._parse_optional("settings", even_pages)
        body = Flow(self._budget)
        story = self._story(body, self._related)
        self._package.parse(self._main, story)
        body.end_paragraph()
        headers, footers = (
            list(self._margins(kind, story.sections, even_pages=even_pages.on))
            for kind in ("header", "footer")
        )
        self._flows += [*headers, body]
        for kind in ("footnotes", "endnotes", "comments"):
            if kind != "comments" or self._settings.include_comments:
                self._flows.append(self._notes(kind, story))
        self._flows += footers
        if self._budget.hides:
            self.warnings.append(HIDDEN_TEXT)

    def _parse_optional(self, kind: str, handler: Handler) -> None:
        """Parse a part without which the text can still be read."""
        try:
            self._package.parse(self._part(kind), handler)
        except Unreadable:
            self.warnings.append(f"the part with its {kind} is damaged")

    def _part(self, kind: str) -> str:
        for found in self._related.values():
            if found.kind == kind and not found.external:
                return found.target
        return posixpath.join(posixpath.dirname(self._main), f"{kind}.xml")

    def _story(self, flow: Flow, related: dict[str, Relation]) -> Story:
        def insert(kind: str, key: str, into: Flow) -> None:
            if kind == "altChunk":
                self._add_chunk(related.get(key), into)
            else:
                drawing = related.get(key)
                add_drawing(self._package, drawing, into, diagram=kind == "diagram")

        def link(key: str) -> str:
            found = related.get(key)
            external = found is not None and found.external
            return safe_link(found.target) if found is not None and external else ""

        return Story(
            flow,
            styles=self.styles,
            numbering=self._numbering,
            insert=insert,
            link=link,
        )

    def _margins(
        self, kind: str, sections: Sections, *, even_pages: bool
    ) -> Iterator[Flow]:
        """The headers or the footers that are shown, in the order of their pages."""
        texts: set[str] = set()
        for key in sections.shown(kind, even_pages=even_pages):
            found = self._related.get(key)
            if found is None or found.target in self._read_parts:
                continue
            self._read_parts.add(found.target)
            flow = self._parse_story(found.target)
            text = " ".join(str(flow).split())
            if text and text not in texts:
                texts.add(text)
                yield flow

    def _parse_story(self, part: str) -> Flow:
        flow = Flow(self._budget)
        try:
            story = self._story(flow, relations(self._package, part))
            self._package.parse(part, story)
        except Unreadable:
            self.warnings.append(f"{posixpath.basename(part)} is damaged")
        flow.end_paragraph()
        return flow

    def _notes(self, kind: str, body: Story) -> Flow:
        """The notes or comments whose references are shown."""
        flow = Flow(self._budget)
        part = self._part(kind)

        def choose(name: str, attributes: dict[str, str]) -> str | None:
            visible = body.notes.visible(name, attribute(attributes, "id") or "")
            if not visible or attribute(attributes, "type") in _SEPARATORS:
                return None
            author = attribute(attributes, "author") or ""
            return f"{author or 'Comment'}: " if name == "comment" else ""

        story = self._story(flow, relations(self._package, part))
        story.choose = choose
        self._package.parse(part, story)
        flow.end_paragraph()
        return flow

    def _add_chunk(self, found: Relation | None, flow: Flow) -> None:
        """Read a part of another format where it is inserted."""
        if found is None or found.external or self._depth >= MAX_DEPTH:
            return
        name = posixpath.basename(found.target)
        if found.target not in self._package.names:
            self.warnings.append(f"the inserted part {name} is missing")
            return
        with tempfile.TemporaryDirectory(prefix="docprogress-") as folder:
            path = Path(folder, f"part{Path(name).suffix}")
            with path.open("wb") as file:
                for block in self._package.blocks(found.target):
                    file.write(block)
            inner = Document(
                id=self._document.id, name=name, path=path, size=path.stat().st_size
            )
            try:
                for page in self._inner_pages(inner):
                    flow.add_text(page.text, page.markdown)
            except (Unreadable, LimitExceeded) as error:
                if isinstance(error, LimitExceeded):
                    raise TooLong from error
                self.warnings.append(str(error))

    def _inner_pages(self, inner: Document) -> Iterator[Page]:
        kind = formats.media_type(inner)
        settings = self._settings.model_copy(
            update={"max_characters": max(self._budget.left, 1)}
        )
        facts: Facts = {}
        if formats.reader(kind) is read:
            extraction = _read(
                inner, settings=settings, facts=facts, depth=self._depth + 1
            )
        else:
            extraction = formats.reader(kind)(inner, settings=settings, facts=facts)
        with contextlib.closing(extraction):
            yield from extraction


class _EvenPages:
    """Reads from `settings.xml` whether even pages have different headers."""

    def __init__(self) -> None:
        self.on = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name.endswith(" evenAndOddHeaders"):
            self.on = switched_on(attributes)

    def end(self, _: str) -> None: ...
    def characters(self, _: str) -> None: ...

"""Recognise the pages of a document that have no usable text.

What was recognised is handed out at once, so that it can be kept, and what was kept is
not recognised again.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from docprogress.documents import Document, Page
from docprogress.events import NEEDS_OCR, NO_TEXT
from docprogress.settings import Settings
from docprogress.steps.extraction import Facts, too_long
from docprogress.steps.ocr import engine as engines
from docprogress.steps.ocr.text_layer import (
    FEW_CHARACTERS,
    is_garbage,
    visible_characters,
)
from docprogress.steps.text import clean

if TYPE_CHECKING:
    from docprogress.steps.ocr.engine import OcrEngine, Picture

#: What is recognised replaces a page's few characters only if it is this many times as
#: long: a stamp on a scan, but not the title below a picture.
MUCH_MORE = 2.0


class Drawable(Protocol):
    """A document whose pages can be drawn."""

    @property
    def unmapped(self) -> bool:
        """Whether the fonts of the page read last do not say what they write."""

    def render(self, index: int, dpi: int) -> "Picture | None":
        """An image of a page, counted from 0; None if there is nothing on it."""

    def is_image(self, index: int) -> bool:
        """Whether an image covers most of a page."""


class Recognition:
    """Recognises pages of one document.

    Set its attributes before the first page is read.
    """

    def __init__(self, document: Document, settings: Settings, facts: Facts) -> None:
        self._document = document
        self._settings = settings
        self._facts = facts
        self._engine: OcrEngine | None = None
        self._confidences: list[float] = []
        self._pages = 0
        #: Pages that an earlier attempt has recognised, by a function of `key`.
        self.load_kept: Callable[[str], Mapping[int, Page]] = _nothing_kept
        self._kept: Mapping[int, Page] | None = None
        #: Called with a page's number before it is recognised.
        self.on_start: Callable[[int], None] = _ignore
        #: Called with a page that was recognised.
        self.on_recognised: Callable[[Page], None] = _ignore
        #: How many pages are left to recognise, as far as is known.
        self.left = 0

    @property
    def engine(self) -> "OcrEngine":
        """The engine, loaded with the first page that needs it."""
        if self._engine is None:
            self._engine = engines.load(self._settings)
        return self._engine

    @property
    def key(self) -> str:
        """A key of everything that affects recognition: the engine and its options."""
        return f"{self.engine.name} {self._settings.ocr_dpi} dpi"

    @property
    def kept(self) -> Mapping[int, Page]:
        """Pages that need not be recognised again."""
        if self._kept is None:
            self._kept = self.load_kept(self.key)
        return self._kept

    def recognise(
        self, number: int, render: Callable[[], "Picture | None"], *, dpi: int
    ) -> Page:
        """The text of a page."""
        if (page := self.kept.get(number)) is not None:
            return page
        self.on_start(number)
        picture = render()
        if picture is None:
            page = Page(number=number, text="")
        else:
            found = self.engine.recognise(picture, dpi=dpi)
            page = Page(
                number=number, text=clean(found.text), confidence=found.confidence
            )
        self.left = max(0, self.left - 1)
        self.on_recognised(page)
        return page

    def count(self, page: Page) -> None:
        """Note in the facts that this page's text was recognised."""
        self._pages += 1
        if page.confidence is not None:
            self._confidences.append(page.confidence)
        self._facts["ocr_pages"] = self._pages
        self._facts["ocr_engine"] = self.engine.name.partition("/")[0]
        if self._confidences:
            mean = sum(self._confidences) / len(self._confidences)
            self._facts["confidence"] = round(mean, 4)

    def fill(self, pages: Iterator[Page], pdf: Drawable) -> Iterator[Page]:
        """Yield the pages of a PDF, those without usable text recognised.

        Raises:
            LimitExceeded: The text is too long.
        """
        always = self._settings.ocr == "always"
        characters, recognised = 0, False
        # From the first page on that has to be recognised, all others are read ahead:
        # the time left depends on how many of them have to be, too.
        ahead: deque[tuple[Page, bool]] = deque()
        for page in pages:
            wanted = always or needs_recognition(page, pdf)
            if not wanted:
                characters += len(page.text)
                yield page
                continue
            ahead.append((page, True))
            for other in pages:
                ahead.append((other, always or needs_recognition(other, pdf)))
            numbers = {page.number for page, wanted in ahead if wanted}
            self.left = len(numbers - self.kept.keys())
        while ahead:
            page, wanted = ahead.popleft()
            if wanted:
                recognised = True
                page = self._filled(page, pdf)
            characters += len(page.text)
            if characters > self._settings.max_characters:
                raise too_long(self._document, self._settings)
            yield page
        if recognised and self._facts.get("note") in (None, NEEDS_OCR):
            self._facts.pop("note", None)
            if not characters:
                self._facts["note"] = NO_TEXT

    def _filled(self, page: Page, pdf: Drawable) -> Page:
        dpi = self._settings.ocr_dpi
        found = self.recognise(
            page.number, lambda: pdf.render(page.number - 1, dpi), dpi=dpi
        )
        own = 0 if is_garbage(page.text) else visible_characters(page.text)
        enough = self._settings.ocr == "always" or not 0 < own < FEW_CHARACTERS
        if enough or visible_characters(found.text) >= MUCH_MORE * own:
            self.count(found)
            return replace(page, text=found.text, confidence=found.confidence)
        return page


def recognition(
    document: Document, settings: Settings, facts: Facts
) -> Recognition | None:
    """Recognises the pages of a document; None if nothing is to be recognised."""
    if not engines.wanted(settings):
        return None
    return Recognition(document, settings, facts)


def needs_recognition(page: Page, pdf: Drawable) -> bool:
    """Whether a page that was just read has no usable text."""
    if pdf.unmapped:
        return True
    beginning = page.text[: 4 * FEW_CHARACTERS]
    if beginning.isascii():
        spaces = beginning.count(" ") + beginning.count("\n")
        if len(beginning) - spaces >= 2 * FEW_CHARACTERS:
            return False  # the usual case, a few times as fast
    elif is_garbage(beginning):
        return True
    characters = visible_characters(beginning)
    if not characters:
        return True
    return characters < FEW_CHARACTERS and pdf.is_image(page.number - 1)


def _nothing_kept(_: str) -> Mapping[int, Page]:
    return {}


def _ignore(_: object) -> None:
    """Do nothing."""

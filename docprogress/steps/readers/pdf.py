"""Read PDFs with PDFium, or with pypdf if PDFium rejects them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from docprogress.documents import Document, Page
from docprogress.errors import PasswordNeeded, Unreadable
from docprogress.events import NEEDS_OCR, OCR_IS_OFF
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts, check_pages, too_long
from docprogress.steps.metadata import numbered
from docprogress.steps.ocr.pages import recognition
from docprogress.steps.readers.pdf_page import PageText, Pdf, add_facts
from docprogress.steps.readers.pdf_pdfium import PdfiumDocument, RejectedByPdfium
from docprogress.steps.readers.pdf_pypdf import PypdfDocument
from docprogress.steps.readers.pdf_structure import Structure
from docprogress.steps.text import TooLong, clean


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read the pages of a PDF."""
    ocr = recognition(document, settings, facts)
    pdf = open_pdf(
        document.name,
        document.path,
        engine=settings.pdf_engine,
        passwords=settings.passwords,
    )
    try:
        check_pages(document, len(pdf), settings)
        add_facts(facts, pdf)
    except BaseException:
        pdf.close()
        raise
    structure = structure_of(pdf, settings)
    pages = _pages(pdf, document, settings, facts, structure)
    if ocr is not None:
        pages = ocr.fill(pages, pdf)
    if structure is not None:
        pages = structure.fill(pages)
    return Extraction(
        pages, total=len(pdf), facts=facts, close=pdf.close, recognition=ocr
    )


def open_pdf(
    name: str,
    path: Path,
    *,
    engine: Literal["auto", "pdfium", "pypdf"],
    passwords: Sequence[str] = (),
) -> Pdf:
    """Open a PDF with the requested engine, or the first one that can read it.

    Args:
        name: The document's name, for messages.
        path: The file.
        engine: What reads it.
        passwords: Tried if it needs one.

    Raises:
        Unreadable: No engine can.
        OSError: The file cannot be opened.
    """
    if engine == "pypdf":
        return PypdfDocument(name, path, passwords=passwords)
    try:
        return PdfiumDocument(name, path, passwords=passwords)
    except RejectedByPdfium as rejection:
        if rejection.locked:
            raise PasswordNeeded(f"{name}: the PDF") from None
        if engine == "pdfium":
            raise Unreadable(str(rejection)) from None
    return PypdfDocument(name, path, passwords=passwords)


def structure_of(pdf: Pdf, settings: Settings) -> Structure | None:
    """Prepare to find a PDF's structure; None if it is off or pypdf reads the file."""
    if settings.structure == "off" or not isinstance(pdf, PdfiumDocument):
        return None
    pdf.keep_layouts()
    return Structure(len(pdf), pdf.outline(), pdf.layout)


def _pages(
    pdf: Pdf,
    document: Document,
    settings: Settings,
    facts: Facts,
    structure: Structure | None,
) -> Iterator[Page]:
    left = settings.max_characters
    report = _Report(len(pdf))
    for index in range(len(pdf)):
        try:
            found = pdf.page(index, most=left)
        except TooLong:
            raise too_long(document, settings) from None
        text = clean(found.text if found else "")
        left -= len(text)
        report.add(index + 1, found, text)
        page = Page(number=index + 1, text=text)
        if structure is not None:
            page = structure.add(page, found and found.layout)
        yield page
    report.finish(document, facts)
    if settings.ocr == "never" and facts.get("note") == NEEDS_OCR:
        facts["note"] = OCR_IS_OFF


class _Report:
    """The notes and warnings about a PDF's pages once they have been read."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._unread: list[int] = []
        self._hidden: list[int] = []
        self._blank = True

    def add(self, number: int, found: PageText | None, text: str) -> None:
        if found is None:
            self._unread.append(number)
        elif found.hidden:
            self._hidden.append(number)
        self._blank = self._blank and not text.strip()

    def finish(self, document: Document, facts: Facts) -> None:
        """Add the note and the warnings to a document's facts.

        Raises:
            Unreadable: No page could be read.
        """
        unread = len(self._unread)
        if unread == self._total:
            raise Unreadable(
                f"{document.name}: the PDF is damaged or cut short, not one of "
                "its pages can be read; fetch or export it again"
            )
        warnings: list[str] = facts.get("warnings", [])
        if self._unread:
            warnings.append(f"{numbered('page', self._unread)} could not be read")
            facts["note"] = f"{unread} of {self._total} pages could not be read"
        elif self._blank:
            facts["note"] = NEEDS_OCR
        if self._hidden:
            warnings.append(
                f"invisible text was left out of {numbered('page', self._hidden)}"
            )
        if warnings:
            facts["warnings"] = warnings

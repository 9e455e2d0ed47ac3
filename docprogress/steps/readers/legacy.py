"""Read old Word documents and PowerPoint presentations, by kreuzberg."""

from collections.abc import Iterator
from typing import Any

from docprogress.documents import Document, Page
from docprogress.errors import Unreadable
from docprogress.settings import Settings
from docprogress.steps.encryption import INSTALL, has_encrypted_slides
from docprogress.steps.extraction import Extraction, Facts, single_page, too_long
from docprogress.steps.readers.ooxml import note_property

_KINDS = {
    "application/msword": ("an old Word document (.doc)", "DOCX"),
    "application/vnd.ms-powerpoint": ("an old PowerPoint file (.ppt)", "PPTX"),
}


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read an old Office file as one page."""
    facts["engine"] = "kreuzberg"
    media_type = facts["media_type"]
    what, way = _KINDS[media_type]
    try:
        import kreuzberg
    except ImportError:
        raise Unreadable(
            f"{document.name}: {what}, which needs kreuzberg; run "
            f"`pip install 'docprogress[legacy]'`, or save it as {way} or PDF"
        ) from None

    if has_encrypted_slides(document.path):
        raise _locked(document)

    def pages() -> Iterator[Page]:
        # OCR and the cache on disk are of no use here.
        config = kreuzberg.ExtractionConfig(use_cache=False, disable_ocr=True)
        try:
            found = kreuzberg.extract_file_sync(
                document.path, mime_type=media_type, config=config
            )
        except BaseException as error:
            # A panic in Rust is no `Exception`.
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                raise _damaged(document, what, error) from error
            raise
        if len(found.content) > settings.max_characters:
            raise too_long(document, settings)
        _note(found.metadata, facts)
        yield single_page(found.content, facts)

    return Extraction(pages(), total=1, facts=facts)


def _damaged(document: Document, what: str, error: BaseException) -> Unreadable:
    if "password" in str(error).lower() or "encrypt" in str(error).lower():
        return _locked(document)
    # Its messages may name the file's place on this machine.
    return Unreadable(
        f"{document.name}: {what} that is damaged or cut short; save it again"
    )


def _locked(document: Document) -> Unreadable:
    return Unreadable(
        f"{document.name}: the document is encrypted and needs a password; "
        f"{INSTALL}, or save it without one"
    )


def _note(metadata: Any, facts: Facts) -> None:
    """Note what the properties say; old titles are often the beginning of the text."""
    found = dict(metadata or {})
    authors = found.get("authors") or [found.get("created_by")]
    if isinstance(authors, list):
        note_property(facts, "author", ", ".join(filter(None, map(_text, authors))))
    slides = found.get("slide_count")
    if isinstance(slides, int) and slides > 0:
        facts["slides"] = slides
    note_property(facts, "title", _text(found.get("title")))
    note_property(facts, "created", _text(found.get("created_at")))
    note_property(facts, "modified", _text(found.get("modified_at")))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

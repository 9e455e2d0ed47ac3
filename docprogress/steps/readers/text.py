"""Read plain text and Markdown."""

from collections.abc import Iterator

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
from docprogress.steps.titles import text_title


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a text file as one page."""

    def pages() -> Iterator[Page]:
        data = read_bytes(document, settings)
        decoded = decode_text(document, data, facts, expected=settings.encodings)
        if len(decoded.text) > settings.max_characters:
            raise too_long(document, settings)
        facts["engine"] = "text"
        if title := text_title(facts.get("media_type", ""), decoded.text):
            facts["title"] = title
        yield single_page(decoded.text, facts)

    return Extraction(pages(), total=1, facts=facts)

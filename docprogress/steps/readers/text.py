"""Read plain text and Markdown."""

from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    read_text,
    single_page,
)
from docprogress.steps.textual import MARKDOWN
from docprogress.steps.titles import text_title


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a text file as one page."""

    def pages() -> Iterator[Page]:
        text = read_text(document, settings, facts)
        facts["engine"] = "text"
        if title := text_title(facts.get("media_type", ""), text):
            facts["title"] = title
        marked = facts.get("media_type") == MARKDOWN
        yield single_page(text, facts, markdown=text if marked else None)

    return Extraction(pages(), total=1, facts=facts)

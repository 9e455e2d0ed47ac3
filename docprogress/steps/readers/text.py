"""Read plain text, Markdown, and texts with other markup."""

from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    read_text,
    single_page,
    wants_structure,
)
from docprogress.steps.markdown.sources import as_markdown
from docprogress.steps.titles import text_title


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a text file as one page."""

    def pages() -> Iterator[Page]:
        text = read_text(document, settings, facts)
        facts["engine"] = "text"
        if title := text_title(facts.get("media_type", ""), text):
            facts["title"] = title
        markdown = None
        if wants_structure(settings):
            markdown = as_markdown(facts.get("media_type", ""), text)
        yield single_page(text, facts, markdown=markdown)

    return Extraction(pages(), total=1, facts=facts)

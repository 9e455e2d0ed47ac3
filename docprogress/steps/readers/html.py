"""Read HTML pages: all of their visible text, or their main content."""

import re
from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps import textual
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    decode_text,
    read_bytes,
    single_page,
    too_long,
    wants_structure,
)
from docprogress.steps.markup.head import head_facts
from docprogress.steps.markup.main_content import main_content
from docprogress.steps.markup.page import PageReader
from docprogress.steps.markup.structure import StructuredText
from docprogress.steps.markup.text import Text
from docprogress.steps.text import TooLong

#: Bytes in which a page must declare its encoding.
DECLARATION = 4096

_DECLARED = re.compile(rb"(?i)(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]{1,40})")


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read an HTML page as one page of text."""

    def pages() -> Iterator[Page]:
        data = read_bytes(document, settings)
        decoded = decode_text(
            document,
            data,
            facts,
            declared_encoding(data),
            expected=settings.encodings,
        )
        xml = facts.get("media_type") == textual.XHTML
        text = page_text(document, decoded.text, settings, facts, xml=xml)
        facts["engine"] = "html"
        facts.update(head_facts(decoded.text))
        if text.title:
            facts["title"] = text.title
        yield single_page(str(text), facts, markdown=text.markdown)

    return Extraction(pages(), total=1, facts=facts)


def page_text(
    document: Document,
    page: str,
    settings: Settings,
    facts: Facts,
    *,
    xml: bool = False,
) -> Text:
    """The text of a web page: all that it shows, or its main content if it has one.

    Raises:
        LimitExceeded: It has more characters than the settings allow.
        Unreadable: What finds the main content is not installed.
    """
    try:
        most, structure = settings.max_characters, wants_structure(settings)
        if settings.html_content != "main":
            return visible_text(page, most=most, xml=xml, structure=structure)
        whole = visible_text(page, most=most, xml=xml, structure=structure)
        text = StructuredText(most) if structure else Text(most)
        PageReader(main_content(document.name, page) or "", text).read()
    except TooLong:
        raise too_long(document, settings) from None
    found = bool(str(text).strip())
    facts["html_content"] = "main" if found else "all"
    text.title = whole.title
    return text if found else whole


def declared_encoding(data: bytes) -> str | None:
    """The encoding that a page declares."""
    found = _DECLARED.search(data[:DECLARATION])
    return found[1].decode("ascii", "ignore") if found else None


def visible_text(
    page: str, *, most: int, xml: bool = False, structure: bool = False
) -> Text:
    """Extract the text and the title of a page.

    Args:
        page: The page.
        most: The limit of characters.
        xml: Whether the page is XHTML, where any element may be closed by its start
            tag.
        structure: Whether its Markdown is made, too.

    Raises:
        TooLong: The text has more than `most` characters.
    """
    text = StructuredText(most) if structure else Text(most)
    PageReader(page, text, xml=xml).read()
    return text

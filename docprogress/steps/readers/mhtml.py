"""Read saved web pages (MHTML): the page, without its frames and images."""

from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts, single_page, too_long
from docprogress.steps.mail.files import open_mail, read_message
from docprogress.steps.mail.message import PAGES, PartReader
from docprogress.steps.mail.mime import Part
from docprogress.steps.markup.head import head_facts
from docprogress.steps.readers.html import page_text
from docprogress.steps.text import TooLong, clean_title


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a saved web page as one page."""
    file = open_mail(document)
    facts["engine"] = "mhtml"

    def pages() -> Iterator[Page]:
        saved = read_message(document, file)
        root = _root(saved)
        reader = PartReader(file, most=settings.max_characters)
        try:
            if root.content_type in PAGES:
                page = reader.page(root)
                facts.update(head_facts(page))
                shown = page_text(document, page, settings, facts)
                text, title, markdown = str(shown), shown.title, shown.markdown
            else:
                text, title, markdown = reader.read(root).text, "", None
        except TooLong:
            raise too_long(document, settings) from None
        if title := title or clean_title(saved.headers.text("subject")):
            facts["title"] = title
        # The time at which it was saved, unless it states another one.
        if created := saved.headers.date:
            facts.setdefault("created", created)
        yield single_page(text, facts, markdown=markdown)

    return Extraction(pages(), total=1, facts=facts, close=file.close)


def _root(saved: Part) -> Part:
    """The part with the page; the others are its resources."""
    leaves = list(saved.leaves())
    start = saved.headers.content_parameter("start")
    named = [
        part for part in leaves if start and part.headers.raw("content-id") == start
    ]
    pages = [part for part in leaves if part.content_type in PAGES]
    return (named or pages or leaves)[0]

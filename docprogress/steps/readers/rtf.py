"""Read RTF documents in document order; the file is never wholly in memory.

First the headers, then the body, the notes and the footers, each distinct one once.
"""

import mmap
from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    single_page,
    too_long,
    wants_structure,
)
from docprogress.steps.metadata import HIDDEN_TEXT, add_warning
from docprogress.steps.readers.flow import Budget
from docprogress.steps.readers.ooxml import note_property
from docprogress.steps.readers.rtf_document import RtfDocument
from docprogress.steps.readers.rtf_parts import RtfParts
from docprogress.steps.text import TooLong


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read an RTF document as one page."""
    facts["engine"] = "rtf"
    with document.path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def pages() -> Iterator[Page]:
        parts = RtfParts(
            Budget(settings.max_characters, structure=wants_structure(settings)),
            comments=settings.include_comments,
        )
        rtf = RtfDocument(data, parts, name=document.name)
        try:
            rtf.read()
        except TooLong:
            raise too_long(document, settings) from None
        _note(rtf, facts)
        flows = parts.flows()
        text = "\n".join(text for flow in flows if (text := str(flow)).strip())
        found = [flow.markdown for flow in flows]
        markdown = "\n\n".join(one for one in found if one)
        yield single_page(text, facts, markdown=None if None in found else markdown)

    return Extraction(pages(), total=1, facts=facts, close=data.close)


def _note(rtf: RtfDocument, facts: Facts) -> None:
    found = {key: "".join(pieces) for key, pieces in rtf.properties.items()}
    for name in ("title", "author"):
        note_property(facts, name, found.get(name, ""))
    if all(part in found for part in ("yr", "mo", "dy")):
        created = f"{found['yr']}-{found['mo']}-{found['dy']}"
        if "hr" in found:
            created += f"T{found['hr']}:{found.get('min', '00')}:00"
        note_property(facts, "created", created)
    if rtf.hides:
        add_warning(facts, HIDDEN_TEXT)
    if rtf.cut_short:
        add_warning(facts, "the file seems to be cut short")

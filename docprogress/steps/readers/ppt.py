"""Read old PowerPoint presentations slide by slide."""

import os
import struct
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from docprogress.documents import Document, Page
from docprogress.errors import Unreadable
from docprogress.formatting import plural
from docprogress.settings import Settings
from docprogress.steps.encryption import INSTALL, has_encrypted_slides
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    check_pages,
    too_long,
    wants_structure,
)
from docprogress.steps.metadata import add_warning
from docprogress.steps.readers import legacy
from docprogress.steps.readers.flow import Budget, Flow
from docprogress.steps.readers.ole_properties import note_properties
from docprogress.steps.readers.ppt_records import Entry, Record, Records
from docprogress.steps.readers.ppt_text import LISTS, TITLES, Text, texts
from docprogress.steps.text import TooLong, clean, clean_title

#: Where the stream `Current User` says where the newest edit is.
_EDIT = 16


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a presentation: a page for each slide that is shown."""
    if find_spec("olefile") is None:
        return legacy.read(document, settings=settings, facts=facts)
    if has_encrypted_slides(document.path):
        raise Unreadable(
            f"{document.name}: the document is encrypted and needs a password; "
            f"{INSTALL}, or save it without one"
        )
    found = _records(document)
    if found is None or not found.known:
        # Files of PowerPoint 4 and before, and badly damaged ones.
        return legacy.read(document, settings=settings, facts=facts)
    facts["engine"] = "ppt"
    check_pages(document, len(found.slides), settings, unit="slide")
    shown = [
        one
        for one in found.slides
        if settings.include_hidden or not found.hidden(one[0])
    ]
    if hidden := len(found.slides) - len(shown):
        facts["hidden_slides"] = hidden
        left_out = f"{plural(hidden, 'hidden slide')} left out (include_hidden)"
        add_warning(facts, left_out)
    if found.unordered:
        add_warning(
            facts, "the list of slides is damaged; they are in the order of the file"
        )
    note_properties(document.path, facts)
    return Extraction(
        _pages(document, found, shown, settings, facts),
        total=max(1, len(shown)),
        facts=facts,
        unit="slide",
    )


def _records(document: Document) -> Records | None:
    """The records of a file; None if its container is damaged."""
    import olefile

    try:
        with olefile.OleFileIO(os.fspath(document.path)) as file:
            data = _stream(file, "PowerPoint Document")
            user = _stream(file, "Current User")
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # noqa: BLE001 - olefile raises errors of many kinds
        return None
    (edit,) = struct.unpack_from("<I", user.ljust(_EDIT + 4, b"\0"), _EDIT)
    return Records(data, edit)


def _stream(file: Any, name: str) -> bytes:
    if not file.exists(name):
        return b""
    with file.openstream(name) as stream:
        found: bytes = stream.read()
    return found


def _pages(
    document: Document,
    found: Records,
    slides: list[tuple[Record, Entry]],
    settings: Settings,
    facts: Facts,
) -> Iterator[Page]:
    budget = Budget(settings.max_characters, structure=wants_structure(settings))
    empty = True
    for number, (slide, entry) in enumerate(slides, start=1):
        try:
            page = _page(number, found, slide, entry, budget)
        except TooLong:
            raise too_long(document, settings) from None
        empty = empty and not page.text.strip()
        if number == len(slides) and empty:
            facts["note"] = "no text"
        yield page
    if not slides:
        hidden = "all slides are hidden"
        facts["note"] = hidden if facts.get("hidden_slides") else "no slides"
        yield Page(number=1, text="")


def _page(
    number: int, found: Records, slide: Record, entry: Entry, budget: Budget
) -> Page:
    title = ""
    body = Flow(budget)
    for text in texts(found.data, slide, entry):
        if not title and text.kind in TITLES:
            title = " ".join(" ".join(one.text for one in text.paragraphs).split())
        else:
            _add(text, body)
    if notes := found.notes(slide):
        for text in texts(found.data, notes):
            _add(text, body)
    whole = Flow(budget)
    if title:
        whole.begin_paragraph(heading=1)
        whole.write(title)
        whole.end_paragraph()
    whole.add(body)
    markdown = whole.markdown
    return Page(
        number=number,
        text=clean(str(whole)),
        title=clean_title(title) or None,
        markdown=None if markdown is None else clean(markdown),
    )


def _add(text: Text, flow: Flow) -> None:
    for one in text.paragraphs:
        item = text.kind in LISTS if one.bullet is None else one.bullet
        flow.begin_paragraph(level=one.level if item else None, bullet=item)
        flow.write(one.text)
        flow.end_paragraph()

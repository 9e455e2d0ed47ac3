"""What an open PDF offers, whichever engine has opened it."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple, Protocol

from docprogress.steps.extraction import Facts
from docprogress.steps.ocr.pages import Drawable
from docprogress.steps.text import clean_title

if TYPE_CHECKING:
    from docprogress.steps.readers.pdf_lines import Layout

NO_PAGES = "the PDF has no pages"
ENCRYPTED = "the PDF is encrypted and needs a password"
DAMAGED = "the PDF is damaged or cut short; fetch or export it again"
UNKNOWN_CIPHER = "the PDF is encrypted in a way that is not known"

_DATE = re.compile(
    r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?"
    r"(?:Z|([+-])(\d\d)'?(?:(\d\d)'?)?)?"
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")


class PageText(NamedTuple):
    """The text of a page."""

    text: str
    #: How many characters of invisible text were left out.
    hidden: int = 0
    #: Whether there is text on the page of which nothing was read.
    lost: bool = False
    #: The fonts of text without an extent, in which letters may have no glyph.
    fonts: frozenset[bytes] = frozenset()
    #: The values of the page's form.
    values: tuple[str, ...] = ()
    #: Where its lines are, if that is wanted and known.
    layout: "Layout | None" = None


class Pdf(Drawable, Protocol):
    """An open PDF."""

    engine: str

    def __len__(self) -> int:
        """The number of pages."""

    def metadata(self, name: str) -> str:
        """An entry of the document's information: "Title"; empty if there is none."""

    @property
    def language(self) -> str:
        """The document's language, as it declares it; empty if it does not."""

    def page(self, index: int, *, most: int) -> PageText | None:
        """The text of a page, counted from 0; None if it cannot be read.

        Raises:
            TooLong: It has more than `most` characters.
        """

    def close(self) -> None: ...


def add_facts(facts: Facts, pdf: Pdf) -> None:
    """Add the metadata of a PDF to a document's facts."""
    facts["engine"] = pdf.engine
    for fact, name in (("title", "Title"), ("author", "Author")):
        if value := clean_title(pdf.metadata(name)):
            facts[fact] = value
    for fact, name in (("created", "CreationDate"), ("modified", "ModDate")):
        if moment := iso_date(pdf.metadata(name)):
            facts[fact] = moment
    if language := _LANGUAGE.fullmatch(pdf.language.strip()):
        facts["language"] = language[0]


def iso_date(written: str) -> str | None:
    """A PDF's date in ISO 8601; None if it is not a date.

    It is "D:20240131120000+01'00'", of which everything after the year may be absent.
    """
    found = _DATE.match(written.strip())
    if found is None:
        return None
    year, month, day, *clock = found.groups()[:6]
    sign, hours, minutes = found.groups()[6:]
    try:
        zone = None
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
            zone = timezone(offset if sign == "+" else -offset)
        elif "Z" in found[0]:
            zone = UTC
        day_only = date(int(year), int(month or 1), int(day or 1))
        if clock[0] is None:
            return day_only.isoformat()
        hour, minute, second = (int(part or 0) for part in clock)
        return datetime.combine(
            day_only, time(hour, minute, second), tzinfo=zone
        ).isoformat()
    except ValueError:
        return None

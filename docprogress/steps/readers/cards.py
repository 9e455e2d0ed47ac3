"""Read calendars (ICS) and contacts (VCF) as text: each entry's fields, for people.

Fields that only programs use, time zones, alarms and pictures are left out.
"""

import quopri
import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps import textual
from docprogress.steps.extraction import Extraction, Facts, read_text, single_page
from docprogress.steps.mail.headers import decode_bytes
from docprogress.steps.text import clean, clean_title

#: Components whose fields are read; others, such as time zones and alarms, are not.
_ENTRIES = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VCARD")

#: The fields that are read, in the order in which they are shown, and their labels.
_CALENDAR = {
    "SUMMARY": "Summary",
    "DTSTART": "Start",
    "DTEND": "End",
    "DUE": "Due",
    "DURATION": "Duration",
    "RRULE": "Repeats",
    "LOCATION": "Location",
    "STATUS": "Status",
    "ORGANIZER": "Organizer",
    "ATTENDEE": "Attendees",
    "CONTACT": "Contact",
    "CATEGORIES": "Categories",
    "URL": "URL",
    "DESCRIPTION": "Description",
    "COMMENT": "Comment",
}
_CARD = {
    "FN": "Name",
    "N": "Name",
    "NICKNAME": "Nickname",
    "ORG": "Organization",
    "TITLE": "Title",
    "ROLE": "Role",
    "EMAIL": "E-mail",
    "TEL": "Telephone",
    "IMPP": "Messaging",
    "ADR": "Address",
    "BDAY": "Birthday",
    "URL": "URL",
    "CATEGORIES": "Categories",
    "NOTE": "Note",
}
_DATES = ("DTSTART", "DTEND", "DUE")
_PEOPLE = ("ORGANIZER", "ATTENDEE")

#: Characters of a field's name and parameters.
_LONGEST_NAME = 4_096

_FIELD = re.compile(
    r"(?:[\w-]{1,60}\.)?([\w-]{1,60})((?:;(?:\"[^\"]*\"|[^\":])*)?):", re.DOTALL
)
_PARAMETER = re.compile(r';([\w-]+)(?:=("[^"]*"|[^;"]*))?')
_ESCAPE = re.compile(r"\\([\\;,nN:])")


class _Field(NamedTuple):
    name: str
    parameters: dict[str, str]
    value: str


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a calendar or contacts as one page."""
    facts["engine"] = "cards"

    def pages() -> Iterator[Page]:
        text = read_text(document, settings, facts)
        entries = list(_entries(text))
        title = _title(text, entries)
        if title:
            facts["title"] = title
        facts["entries"] = len(entries)
        labels = _CARD if facts["media_type"] == textual.VCARD else _CALENDAR
        shown = (_shown(fields, labels) for fields in entries)
        yield single_page("\n\n".join(filter(None, shown)), facts)

    return Extraction(pages(), total=1, facts=facts)


def _entries(text: str) -> Iterator[list[_Field]]:
    """The fields of each entry, without those of nested entries."""
    fields: list[_Field] | None = None
    depth = 0
    for line in _lines(text):
        keyword, _, kind = line.partition(":")
        match keyword.strip().upper():
            case "BEGIN" if fields is None:
                if kind.strip().upper() in _ENTRIES:
                    fields, depth = [], 0
            case "BEGIN":
                depth += 1
            case "END" if fields is not None:
                if not depth:
                    yield fields
                    fields = None
                else:
                    depth -= 1
            case _ if fields is not None and not depth:
                if field := _field(line):
                    fields.append(field)
    if fields:
        yield fields  # cut short


def _lines(text: str) -> Iterator[str]:
    """The unfolded lines."""
    pieces: list[str] = []
    for line in text.split("\n"):
        quoted = bool(pieces) and pieces[-1].endswith("=") and _is_quoted(pieces[0])
        if pieces and (quoted or line[:1] in (" ", "\t")):
            if quoted:
                pieces[-1] = pieces[-1][:-1]
            pieces.append(line if quoted else line[1:])
        else:
            if pieces:
                yield "".join(pieces)
            pieces = [line.rstrip("\r")]
    yield "".join(pieces)


def _is_quoted(line: str) -> bool:
    return "QUOTED-PRINTABLE" in line[:_LONGEST_NAME].partition(":")[0].upper()


def _field(line: str) -> _Field | None:
    found = _FIELD.match(line[:_LONGEST_NAME])
    if not found:
        return None
    name = found[1].upper()
    parameters = {
        key.upper(): value.strip('"') for key, value in _PARAMETER.findall(found[2])
    }
    encoding = parameters.get("ENCODING", "").upper()
    value = line[found.end() :]
    if encoding in ("B", "BASE64") or parameters.get("VALUE", "").upper() == "BINARY":
        return None
    if "QUOTED-PRINTABLE" in (encoding, *(key for key in parameters)):
        data = quopri.decodestring(value.encode("utf-8", "replace"))
        value = decode_bytes(data, parameters.get("CHARSET", ""))
    return _Field(name, parameters, value)


def _shown(fields: list[_Field], labels: dict[str, str]) -> str:
    """The lines of an entry."""
    known: dict[str, list[str]] = {}
    for field in fields:
        if field.name in labels and (value := _value(field)):
            known.setdefault(field.name, []).append(value)
    if "FN" in known:
        known.pop("N", None)
    return "\n".join(
        f"{label}: {', '.join(dict.fromkeys(known[name]))}"
        for name, label in labels.items()
        if name in known
    )


def _value(field: _Field) -> str:
    """The readable value of a field."""
    if field.name in _DATES or field.name == "BDAY":
        return _date(field)
    if field.name in _PEOPLE:
        address = re.sub(r"(?i)^mailto:", "", field.value.strip())
        name = field.parameters.get("CN", "").strip()
        return f"{name} <{address}>" if name and name != address else address
    if field.name in ("N", "ADR", "ORG"):
        parts = [_plain(part) for part in re.split(r"(?<!\\);", field.value)]
        if field.name == "N":
            family, given, *more = [*parts, "", ""]
            parts = [*more[1:2], given, *more[:1], family, *more[2:]]
            return " ".join(filter(None, parts))
        return ", ".join(filter(None, parts))
    return _plain(field.value)


def _plain(value: str) -> str:
    """A value without escapes."""
    return clean(
        _ESCAPE.sub(lambda one: "\n" if one[1] in "nN" else one[1], value)
    ).strip()


def _date(field: _Field) -> str:
    """A date, with its time and time zone if it has them."""
    value = field.value.strip()
    for form, shown in (
        ("%Y%m%dT%H%M%SZ", "%Y-%m-%d %H:%M UTC"),
        ("%Y%m%dT%H%M%S", "%Y-%m-%d %H:%M"),
        ("%Y%m%d", "%Y-%m-%d"),
    ):
        try:
            moment = datetime.strptime(value, form)  # noqa: DTZ007 - its zone is named
        except ValueError:
            continue
        zone = _plain(field.parameters.get("TZID", ""))
        return f"{moment.strftime(shown)}{f' ({zone})' if zone else ''}"
    return _plain(value)


def _title(text: str, entries: list[list[_Field]]) -> str:
    """The calendar's name, or what its only entry is called."""
    named = re.search(r"(?im)^X-WR-CALNAME[^:\n]{0,200}:(.{1,300})$", text)
    if named:
        return clean_title(_plain(named[1]))
    if len(entries) != 1:
        return ""
    titles = [_value(field) for field in entries[0] if field.name in ("SUMMARY", "FN")]
    return clean_title(titles[0]) if titles else ""

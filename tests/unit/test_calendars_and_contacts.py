"""Calendars (ICS) and contacts (VCF) are read as their fields, for people."""

import pytest

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract

EVENT = """\
BEGIN:VCALENDAR
PRODID:-//Test//EN
VERSION:2.0
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1@example
DTSTART;TZID=Europe/Berlin:20240506T100000
DTEND:20240506T110000Z
SUMMARY:Harbour review\\, second part
DESCRIPTION:Bring the plans.\\nAnd the
  figures.
ORGANIZER;CN="Ada: the first":mailto:ada@example.com
ATTENDEE;CN=Bo;PARTSTAT=ACCEPTED:mailto:bo@example.com
ATTENDEE:mailto:c@example.com
BEGIN:VALARM
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def read(tmp_path):
    def read(content, name="a.ics"):
        path = tmp_path / "document"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        document = Document(id="d", name=name, path=path, size=1)
        with extract(document, settings=load()) as extraction:
            [page] = extraction
        return page.text, extraction.facts

    return read


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["a.ics", "attachment"])
def test_an_event_is_read_for_people(read, end, name):
    text, facts = read(EVENT.replace("\n", end), name)

    assert text == (
        "Summary: Harbour review, second part\n"
        "Start: 2024-05-06 10:00 (Europe/Berlin)\n"
        "End: 2024-05-06 11:00 UTC\n"
        "Organizer: Ada: the first <ada@example.com>\n"
        "Attendees: Bo <bo@example.com>, c@example.com\n"
        "Description: Bring the plans.\nAnd the figures."
    )
    assert facts["title"] == "Harbour review, second part"
    assert (facts["media_type"], facts["entries"]) == ("text/calendar", 1)
    assert "note" not in facts


def test_all_entries_are_read_and_the_calendar_has_its_name(read):
    content = (
        "BEGIN:VCALENDAR\nX-WR-CALNAME:Ferries\n"
        "BEGIN:VEVENT\nSUMMARY:One\nDTSTART;VALUE=DATE:20240506\nEND:VEVENT\n"
        "BEGIN:VTODO\nSUMMARY:Two\nDUE:someday\nEND:VTODO\nEND:VCALENDAR\n"
    )

    text, facts = read(content)

    assert text == "Summary: One\nStart: 2024-05-06\n\nSummary: Two\nDue: someday"
    assert facts["title"] == "Ferries"


def test_contacts_are_read_without_their_pictures(read):
    content = (
        "BEGIN:VCARD\nVERSION:3.0\nFN:Dr. Ada Lunt\nN:Lunt;Ada;;Dr.;\n"
        "item1.EMAIL;TYPE=work:ada@example.com\nTEL;TYPE=cell:+1 555\n"
        "ADR;TYPE=home:;;1 Quay Street;Harrow;;H1;England\n"
        "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQ\n AAAQABAAD\n"
        "NOTE:Knows\\; everything\nREV:2024\nEND:VCARD\n"
        "BEGIN:VCARD\nVERSION:4.0\nN:Harrow;Bo;Q.;;\nEND:VCARD\n"
    )

    text, facts = read(content, "a.vcf")

    assert text == (
        "Name: Dr. Ada Lunt\nE-mail: ada@example.com\nTelephone: +1 555\n"
        "Address: 1 Quay Street, Harrow, H1, England\nNote: Knows; everything\n\n"
        "Name: Bo Q. Harrow"
    )
    assert facts["media_type"] == "text/vcard"


def test_old_contacts_in_quoted_printable_are_decoded(read):
    content = (
        b"BEGIN:VCARD\r\nVERSION:2.1\r\n"
        b"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen =\r\nGro=C3=9F\r\n"
        b"NOTE;QUOTED-PRINTABLE;CHARSET=windows-1252:caf=E9\r\nEND:VCARD\r\n"
    )

    assert read(content, "a.vcf")[0] == "Name: Jürgen Groß\nNote: café"


def test_a_calendar_that_is_cut_short_gives_what_there_is(read):
    text, _ = read("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:One\nDTSTA")

    assert text == "Summary: One"


def test_a_calendar_without_entries_has_no_text(read):
    text, facts = read("BEGIN:VCALENDAR\nEND:VCALENDAR\n")

    assert (text, facts["note"]) == ("", "no text")


def test_a_text_that_mentions_a_calendar_is_a_text(read):
    content = "How it begins:\nBEGIN:VCALENDAR\n"

    assert read(content, "a.txt")[0] == content

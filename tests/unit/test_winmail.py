"""`winmail.dat` gives the text of its message, and its attachments as documents."""

import datetime as dt
import struct
from email.message import EmailMessage

import pytest
from support.bench import Bench
from support.tnef import attachment, attribute, properties, tnef

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.events import Status
from docprogress.settings import load
from docprogress.steps import containers
from docprogress.steps.extract import extract
from docprogress.steps.mail import tnef as reader

SENT = dt.datetime(2024, 5, 6, 7, 8, tzinfo=dt.UTC)
TICKS = int((SENT - dt.datetime(1601, 1, 1, tzinfo=dt.UTC)).total_seconds()) * 10**7


@pytest.fixture
def read(tmp_path):
    def read(content, name="winmail.dat", **settings):
        path = tmp_path / "document"
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            [page] = extraction
        with containers.members(
            document, settings=load(), media_type=extraction.facts["media_type"]
        ) as found:
            members = {}
            for member in found:
                with member.open() as file:
                    members[member.name] = file.read()
        return page.text, extraction.facts, members

    return read


def test_the_message_is_read_with_its_attachments(read):
    content = tnef(
        attachment("LONGNA~1.TXT", b"one", {0x3707: "long näme.txt"}),
        attachment("two.bin", b"\0two"),
        message={0x0037: "Über Boote", 0x0C1A: "Ada", 0x1000: "See the files."},
    )

    text, facts, members = read(content)

    assert text == (
        "From: Ada\nSubject: Über Boote\nAttachments: long näme.txt, two.bin\n\n"
        "See the files."
    )
    assert (facts["title"], facts["engine"]) == ("Über Boote", "tnef")
    assert members == {"long näme.txt": b"one", "two.bin": b"\0two"}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({0x1013: b"<html><p>From &lt;HTML&gt;</p>"}, "From <HTML>"),
        (
            {0x1009: b"\0" * 8 + b"MELA" + b"\0" * 4 + rb"{\rtf1 Rich \b text\par}"},
            "Rich text",
        ),
        ({0x1000: "plain", 0x1013: b"<p>better</p>"}, "better"),
    ],
)
def test_the_body_is_read_once_in_any_form(read, message, shown):
    assert read(tnef(message=message))[0] == shown


def test_texts_of_the_old_attributes_are_decoded_by_the_code_page(read):
    content = tnef(
        attribute(0x00018004, "Привет".encode("cp1251") + b"\0"),
        attribute(0x0002800C, "Житьё".encode("cp1251") + b"\0"),
        code_page=1251,
    )

    assert read(content)[0] == "Subject: Привет\n\nЖитьё"


def test_the_date_is_shown(read):
    times = struct.pack("<IHHQ", 1, 0x0040, 0x0039, TICKS)

    text, _, _ = read(tnef(attribute(0x00069003, times)))

    assert text == "Date: Mon, 06 May 2024 07:08:00 +0000"


def test_named_and_multiple_properties_are_passed_over(read):
    name = "Keywords".encode("utf-16-le")
    named = struct.pack("<HH", 0x101F, 0x8001) + bytes(16)
    named += struct.pack("<II", 1, len(name)) + name + bytes(-len(name) % 4)
    named += struct.pack("<I", 2) + 2 * (struct.pack("<I", 3) + b"ab\0\0")
    numbers = struct.pack("<HHIII", 0x1003, 0x0FFF, 2, 7, 8)
    body = properties({0x1000: "the text"})[4:]
    whole = struct.pack("<I", 3) + named + numbers + body

    assert read(tnef(attribute(0x00069003, whole)))[0] == "the text"


def test_a_message_in_a_message_is_a_member_of_its_own(read):
    inner = tnef(message={0x0037: "Inner", 0x1000: "inner text"})
    interface = bytes.fromhex("0703020000000000c000000000000046")
    content = tnef(
        attachment("", None, {0x3001: "Inner", 0x3701: ("object", interface + inner)})
    )

    _, _, members = read(content)

    assert list(members) == ["Inner.tnef"]
    assert read(members["Inner.tnef"])[0] == "Subject: Inner\n\ninner text"


def test_pictures_in_the_text_and_hidden_attachments_are_left_out(read):
    content = tnef(
        attachment("a.png", b"png", {0x370E: "image/png", 0x3712: "cid"}),
        attachment("b.txt", b"x", {0x7FFE: 1}),
        attachment("c.png", b"png", {0x370E: "image/png"}),
    )

    assert list(read(content)[2]) == ["c.png"]


def test_a_file_that_is_cut_short_says_so(read):
    content = tnef(attachment("a.txt", b"x" * 99), message={0x1000: "text"})

    text, facts, members = read(content[:-50])

    assert "text" in text
    assert facts["warnings"] == ["the file seems to be cut short"]
    assert members == {"a.txt": b""}


def test_a_file_without_content_is_damaged(read):
    with pytest.raises(
        Unreadable, match=r"^winmail\.dat: a winmail\.dat that is damaged"
    ):
        read(b"\x78\x9f\x3e\x22\x01\x00")


def test_the_number_of_parts_is_limited(read, monkeypatch):
    monkeypatch.setattr(reader, "MOST_ATTACHMENTS", 2)

    with pytest.raises(LimitExceeded, match="more parts"):
        read(tnef(*[attachment("a", b"x")] * 3))


def test_characters_are_limited(read):
    with pytest.raises(LimitExceeded, match="max_characters"):
        read(tnef(message={0x1000: "x" * 2_000}), max_characters=1_000)


def test_winmail_dat_of_a_message_brings_its_documents_into_the_run(tmp_path):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@b.example", "c@d.example", "Files"
    mail.set_content("See the files.")
    inner = tnef(attachment("a.txt", b"the contract"), message={0x1000: "body"})
    mail.add_attachment(inner, "application", "ms-tnef", filename="winmail.dat")
    bench = Bench(tmp_path)

    bench.submit(("m.eml", mail.as_bytes()))
    bench.work()

    assert bench.texts()["m.eml/winmail.dat/a.txt"] == "the contract"
    assert {row.status for row in bench.rows().values()} == {Status.COMPLETED}
    bench.store.close()

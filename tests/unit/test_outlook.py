"""Outlook messages are read whatever code page they declare, with attachments."""

import datetime as dt
import struct
import sys

import pytest
from support.ole_files import ole_file, outlook_message

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import load
from docprogress.steps import containers
from docprogress.steps.extract import extract

SENT = dt.datetime(2026, 3, 3, 9, 30, tzinfo=dt.UTC)
MSG = "application/vnd.ms-outlook"
RUSSIAN = "Договор аренды"


@pytest.fixture
def write(tmp_path):
    def writing(values, name="a.msg", **children):
        path = tmp_path / name
        path.write_bytes(ole_file(outlook_message(values, **children)))
        return Document(id="d", name=name, path=path, size=path.stat().st_size)

    return writing


def read(found, **settings):
    with extract(found, settings=load(**settings)) as extraction:
        pages = list(extraction)
    return pages, extraction.facts


def attachments(found):
    with containers.members(found, settings=load(), media_type=MSG) as members:
        contents = []
        for member in members:
            with member.open() as file:
                contents.append((member.name, file.read()))
    return contents


@pytest.mark.parametrize("name", ["a.msg", "a", "a.doc"])
def test_a_message_is_its_fields_and_its_text(write, name):
    found = write(
        {
            "0037001F": "Größe & more",
            "1000001F": "Dear Tom,\r\nyes.\r\n\r\n> quoted\r\n",
            "0C1A001F": "Jane Müller",
            "5D01001F": "jane@example.org",
            "0E04001F": "Tom; Ann",
            "00390040": SENT,
        },
        name=name,
        recipients=[
            {"3001001F": "Tom", "39FE001F": "tom@example.org", "0C150003": 1},
            {"3001001F": "Ann", "3003001F": "/O=ORG/CN=ANN", "0C150003": 2},
        ],
    )

    pages, facts = read(found)

    assert len(pages) == 1
    assert pages[0].text == (
        "From: Jane Müller <jane@example.org>\n"
        "To: Tom <tom@example.org>\n"
        "Cc: Ann\n"
        "Date: Tue, 03 Mar 2026 09:30:00 +0000\n"
        "Subject: Größe & more\n\n"
        "Dear Tom,\nyes.\n\n> quoted"
    )
    assert facts["media_type"] == MSG
    assert facts["title"] == "Größe & more"
    assert facts["author"] == "Jane Müller <jane@example.org>"
    assert facts["created"] == "2026-03-03T09:30:00+00:00"


@pytest.mark.parametrize(
    ("page", "encoding"),
    [(1251, "cp1251"), (20866, "koi8-r"), (65001, "utf-8"), (4711, "cp1251"),
     (1251, "utf-8"), (None, "utf-8"), (28595, "iso-8859-5")],
)  # fmt: skip
def test_text_is_read_in_any_code_page(write, page, encoding):
    values = {
        "0037001E": RUSSIAN.encode(encoding),
        "1000001E": RUSSIAN.encode(encoding),
    }
    if page is not None:
        values["3FFD0003"] = page

    pages, facts = read(write(values))

    assert facts["title"] == RUSSIAN
    assert pages[0].text.split("\n\n")[1:] == [RUSSIAN]


@pytest.mark.parametrize(
    ("number", "html"),
    [
        ("10130102", "<p>html<p style='display:none'>no".encode("cp1251")),
        ("1013001F", "<p>html"),
        ("10130102", b"<meta charset=utf-16>" + b"<p>html"),
    ],
)
def test_the_text_is_read_once(write, number, html):
    values = {"0037001F": "s", "1000001F": "plain", number: html, "3FDE0003": 1251}

    assert read(write(values))[0][0].text == "Subject: s\n\nhtml"


def compressed(rtf):
    """RTF as Outlook keeps it, without any repetition found."""
    pieces = (rtf[at : at + 8] for at in range(0, len(rtf), 8))
    body = b"".join(b"\0" + piece for piece in pieces)
    return struct.pack("<II4sI", len(body) + 12, len(rtf), b"LZFu", 0) + body


@pytest.mark.parametrize(
    "data",
    [
        compressed(rb"{\rtf1\ansi\ansicpg1252 Gr\'f6\'dfe\par and more}"),
        struct.pack("<II4sI", 50, 40, b"MELA", 0) + rb"{\rtf1\ansi Gr\'f6\'dfe\par and more}",
        # "{\rtf1\ansi" is the beginning of every dictionary.
        struct.pack("<II4sI", 0, 999, b"LZFu", 0) + b"\x01\x00\x09" + rb" Gr\'f6"
        + compressed(rb"\'dfe\par and more}")[16:],
    ],
)  # fmt: skip
def test_a_message_that_has_only_rich_text_is_read(write, data):
    assert read(write({"0037001F": "s", "10090102": data}))[0][0].text == (
        "Subject: s\n\nGröße\nand more"
    )


@pytest.mark.parametrize(
    "data", [b"", b"LZFu", b"x" * 99, struct.pack("<II4sI", 9, 2**32 - 1, b"LZFu", 0) + b"\xff" * 9]
)  # fmt: skip
def test_damaged_rich_text_leaves_the_fields(write, data):
    text = read(write({"0037001F": "s", "10090102": data}))[0][0].text

    assert text.startswith("Subject: s")


def test_attachments_are_named_and_given_out(write):
    inner = outlook_message(
        {"0037001F": "Größe", "1000001F": "inner text", "0C1A001F": "Jane Müller"},
        attachments=[{"3707001F": "ä.txt", "37010102": b"deep"}],
        embedded=True,
    )
    found = write(
        {"0037001F": "s", "1000001F": "text"},
        attachments=[
            {"3707001F": "Verträge 1.pdf", "3704001F": "VERTRA~1.PDF", "37010102": b"%PDF"},
            {"3704001F": "B.TXT", "37010102": b"x" * 10_000},
            {"3701000D": inner},
            {"370E001F": "image/png", "3712001F": "i", "3704001F": "a.png", "37010102": b"x"},
            {"370E001F": "image/png", "37010102": b"photo"},
            {"3704001F": "hidden.bin", "7FFE000B": 1, "37010102": b"x"},
            {},
        ],
    )  # fmt: skip

    pages, facts = read(found)
    given = attachments(found)

    names = ["Verträge 1.pdf", "B.TXT", "Größe.eml", "attachment.png", "attachment"]
    assert facts["attachments"] == names
    assert [name for name, _ in given] == names
    contents = dict(given)
    assert contents["Verträge 1.pdf"] == b"%PDF"
    assert contents["B.TXT"] == b"x" * 10_000
    assert contents["attachment"] == b""
    assert "inner text" not in pages[0].text


def test_a_message_in_a_message_is_a_document_with_its_attachments(write, tmp_path):
    inner = outlook_message(
        {"0037001F": "Größe", "1000001F": "inner text", "0C1A001F": "Jane Müller"},
        attachments=[{"3707001F": "ä.txt", "37010102": b"deep"}],
        embedded=True,
    )
    ((name, content),) = attachments(
        write({"0037001F": "s"}, attachments=[{"3701000D": inner}])
    )
    path = tmp_path / "inner"
    path.write_bytes(content)
    document = Document(id="d", name=name, path=path, size=len(content))

    pages, facts = read(document)

    assert pages[0].text == (
        "From: Jane Müller\nSubject: Größe\nAttachments: ä.txt\n\ninner text"
    )
    with containers.members(
        document, settings=load(), media_type=facts["media_type"]
    ) as members:
        assert [member.open().read() for member in members] == [b"deep"]


def test_the_limit_of_characters_holds_for_outlook_messages(write):
    found = write({"0037001F": "s", "1000001F": "x" * 1000})

    with pytest.raises(LimitExceeded, match="more than 900 characters"):
        read(found, max_characters=900)


@pytest.mark.parametrize("part", [0.1, 0.4, 0.7, 0.95])
def test_a_message_cut_short_is_read_or_refused(write, part):
    found = write({"0037001F": "s", "1000001F": "x" * 10_000})
    content = found.path.read_bytes()
    found.path.write_bytes(content[: int(part * len(content))])

    reason = ""
    try:
        read(found)
    except Unreadable as error:
        reason = str(error)

    assert not reason or reason.startswith("a.msg: ")


def test_without_its_library_the_way_out_is_named(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "olefile", None)

    with pytest.raises(Unreadable, match=r"pip install 'docprogress\[formats\]'"):
        read(write({"0037001F": "s"}))

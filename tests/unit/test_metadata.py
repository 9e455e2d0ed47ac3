"""Metadata has the same names and forms, whatever kind of file it is read from."""

import io

import docx
import pytest
from PIL import Image

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.markup.head import head_facts
from docprogress.steps.metadata import iso_date, language, numbered
from docprogress.steps.ocr.pictures import pillow_limits
from docprogress.steps.readers.image import _taken


@pytest.fixture
def facts_of(tmp_path):
    def reading(content, name):
        path = tmp_path / "content"
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load()) as extraction:
            list(extraction)
        return extraction.facts

    return reading


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2025-03-14T09:30:00Z", "2025-03-14T09:30:00+00:00"),
        ("2003-09-08T17:06:17.123456789", "2003-09-08T17:06:17.123456"),
        ("Fri, 14 Mar 2025 09:30:00 +0100", "2025-03-14T09:30:00+01:00"),
        ("2025/3/4", "2025-03-04"),
        ("2024-1-2 3:04", "2024-01-02T03:04:00"),
        ("2025-3-4 09:30:00 +0000", "2025-03-04T09:30:00+00:00"),
        ("2009", "2009"),
        ("2009-10", "2009-10"),
        ("2009-10-07", "2009-10-07"),
        ("2009-13", None),
        ("0000", None),
        ("9999-99-99", None),
        ("yesterday", None),
        ("2" * 100_000, None),
        ("", None),
    ],
)
def test_dates_are_in_iso_8601(written, meant):
    assert iso_date(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("en", "en"),
        ("EN_us", "en-US"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("de-1996", "de-1996"),
        ("x-default", None),
        ("und", None),
        ("english", None),
        ("", None),
    ],
)
def test_languages_are_tags(written, meant):
    assert language(written) == meant


def test_pages_are_named_by_their_numbers():
    assert numbered("page", [3]) == "page 3"
    assert numbered("slide", [3, 7, 12]) == "slides 3, 7 and 12"
    assert numbered("page", range(1, 24)).endswith("19, 20 and 3 others")


def test_a_web_page_has_its_author_dates_and_language(facts_of):
    facts = facts_of(
        b"""<!DOCTYPE html><html class=x lang="de-at"><head><title>Miete</title>
        <meta name="Author" content="Ida &amp; Jon">
        <meta property='article:published_time' content='2024-05-01T10:00:00Z'>
        <meta itemprop=dateModified content=never>
        <meta content="2024/6/2" name="last-modified"></head><p>Text</html>""",
        "a.html",
    )

    assert facts["author"] == "Ida & Jon"
    assert facts["created"] == "2024-05-01T10:00:00+00:00"
    assert facts["modified"] == "2024-06-02"
    assert facts["language"] == "de-AT"


@pytest.mark.parametrize(
    "page",
    [
        "<meta name=author content=",
        "<meta " * 100_000,
        "<html " + "a=" * 200_000,
        "<meta name='" + "x" * 200_000,
        "<html lang=x-default><meta name=date content=soon><body><meta name=author content=A>",
        "<meta property=article:author content='https://example.org/ida'>",
    ],
    ids=lambda page: page[:16],
)
def test_missing_metadata_of_a_page_are_not_invented(page):
    assert set(head_facts(page)) <= {"created", "language"}


def test_a_web_page_says_nothing_that_is_no_date_or_language(facts_of):
    page = b"<html lang=x-default><meta name=date content=soon><p>Text</html>"

    assert {"created", "modified", "language"}.isdisjoint(facts_of(page, "a.html"))


def test_word_documents_have_the_date_of_their_last_change(facts_of):
    document = docx.Document()
    document.add_paragraph("Text")
    document.core_properties.author = "Ida"
    document.core_properties.language = "pt_br"
    out = io.BytesIO()
    document.save(out)

    facts = facts_of(out.getvalue(), "a.docx")

    assert (facts["author"], facts["language"]) == ("Ida", "pt-BR")
    assert facts["created"].endswith("+00:00")
    assert facts["modified"].endswith("+00:00")


def test_pictures_have_who_took_them_and_when():
    exif = Image.Exif()
    exif[0x013B] = "Ida Brandt"
    exif.get_ifd(0x8769)[0x9003] = "2025:03:14 09:30:00"
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)

    with Image.open(out) as image:
        facts = _taken(image)

    assert facts == {"author": "Ida Brandt", "created": "2025-03-14 09:30:00"}
    assert iso_date(facts["created"]) == "2025-03-14T09:30:00"


def test_pictures_with_damaged_exif_data_say_nothing():
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")

    with pillow_limits(), Image.open(out) as image:
        assert _taken(image) == {}


def test_mail_has_its_language(facts_of):
    mail = (
        b"From: Ida <ida@example.org>\r\nDate: Fri, 14 Mar 2025 09:30:00 +0100\r\n"
        b"Content-Language: de-DE, en\r\nSubject: Miete\r\n\r\nText\r\n"
    )

    facts = facts_of(mail, "a.eml")

    assert facts["language"] == "de-DE"
    assert facts["created"] == "2025-03-14T09:30:00+01:00"

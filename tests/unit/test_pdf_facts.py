"""What a PDF says of itself, and what is reported of its pages."""

import io

import pypdf
import pytest

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.readers.pdf_page import iso_date


@pytest.fixture
def facts_of(tmp_path):
    """Reads a PDF, and returns what is known of it."""

    def facts_of(content, **settings):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        document = Document(id="d", name="a.pdf", path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            list(extraction)
        return extraction.facts

    return facts_of


@pytest.mark.parametrize("engine", ["pdfium", "pypdf"])
def test_author_dates_language_and_page_count_are_facts(facts_of, engine):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_blank_page(100, 100)
    writer.add_metadata(
        {
            "/Author": "Ada Łukasz",
            "/CreationDate": "D:20240131121530+01'00'",
            "/ModDate": "D:20240201",
        }
    )
    writer.root_object[pypdf.generic.NameObject("/Lang")] = (
        pypdf.generic.TextStringObject("de-AT")
    )
    out = io.BytesIO()
    writer.write(out)

    facts = facts_of(out.getvalue(), pdf_engine=engine)

    assert facts["author"] == "Ada Łukasz"
    assert facts["created"] == "2024-01-31T12:15:30+01:00"
    assert facts["modified"] == "2024-02-01"
    assert facts["language"] == "de-AT"
    assert "pages" not in facts


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("D:2024", "2024-01-01"),
        ("D:20240131", "2024-01-31"),
        ("20240131121530Z", "2024-01-31T12:15:30+00:00"),
        ("D:20240131121530-05'30", "2024-01-31T12:15:30-05:30"),
        ("D:202401311215", "2024-01-31T12:15:00"),
        ("D:20241331", None),
        ("D:20240131990000", None),
        ("D:20240131121530+99'00'", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_date_of_a_pdf_is_read_as_far_as_it_goes(written, meant):
    assert iso_date(written) == meant

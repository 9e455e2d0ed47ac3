"""A file whose name is wrong is read as what it is, with a note."""

import io
import random

import docx
import pytest

from docprogress.documents import Document
from docprogress.errors import Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract


@pytest.fixture
def read(tmp_path):
    def reading(name, content):
        path = tmp_path / "content"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        document = Document(id="d", name=name, path=path, size=path.stat().st_size)
        with extract(document, settings=load()) as extraction:
            pages = [page.text for page in extraction]
        return pages, extraction.facts

    return reading


def word(text):
    made = docx.Document()
    made.add_paragraph(text)
    saved = io.BytesIO()
    made.save(saved)
    return saved.getvalue()


LOGIN = "<!DOCTYPE html><title>Log in</title><p>Please log in</p>"


@pytest.mark.parametrize(
    ("name", "content", "text", "note"),
    [
        ("a.pdf", LOGIN, "Please log in", "named .pdf, read as HTML"),
        ("a.docx", LOGIN, "Please log in", "named .docx, read as HTML"),
        ("a.xls", LOGIN, "Please log in", "named .xls, read as HTML"),
        ("a.pdf", "Sorry, not today.", "Sorry, not today.", "named .pdf, read as plain text"),
        ("A.PDF", word("Terms"), "Terms", "named .pdf, read as a Word document"),
        ("a.txt", word("Terms"), "Terms", "named .txt, read as a Word document"),
    ],
)  # fmt: skip
def test_a_misnamed_file_is_read_as_what_it_is(read, name, content, text, note):
    pages, facts = read(name, content)

    assert pages == [text]
    assert facts["note"] == note


@pytest.mark.parametrize("name", ["a.docx", "a", "a.unknown", "docx"])
def test_a_name_that_is_right_or_says_nothing_is_not_noted(read, name):
    assert "note" not in read(name, word("Terms"))[1]


def test_the_note_about_the_name_keeps_what_the_reader_noted(read):
    facts = read("a.pdf", "<!doctype html><title>Nothing</title>")[1]

    assert facts["note"] == "named .pdf, read as HTML; no text"


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.txt"])
def test_empty_and_binary_files_are_refused_with_any_name(read, name):
    for content in (b"", random.Random(1).randbytes(999)):
        with pytest.raises(Unreadable, match=f"^{name}: "):
            read(name, content)


def test_a_pdf_without_its_header_is_not_read_as_text(read):
    with pytest.raises(Unreadable, match=r"^a\.pdf: "):
        read("a.pdf", "%XXX-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n")

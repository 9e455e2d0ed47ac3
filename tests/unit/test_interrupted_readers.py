"""An interrupt that arrives inside a library is no damage of the file."""

import sys
from types import SimpleNamespace

import pytest

from docprogress.errors import Cancelled
from docprogress.steps import encryption
from docprogress.steps.markup import main_content
from docprogress.steps.readers import xls


def interrupted(*_, **__):
    raise Cancelled("document")


def test_a_cancel_while_a_document_is_decrypted_is_no_wrong_password():
    office = SimpleNamespace(
        format="ooxml", load_key=interrupted, decrypt=lambda copy: None
    )

    with pytest.raises(Cancelled):
        encryption._decrypt(office, "secret", copy=None)


def test_a_cancel_while_the_main_content_is_searched_goes_through(monkeypatch):
    library = SimpleNamespace(extract=interrupted)
    monkeypatch.setitem(sys.modules, "trafilatura", library)

    with pytest.raises(Cancelled):
        main_content.main_content("page.html", "<p>Text</p>")


def test_a_cancel_while_a_sheet_is_read_is_no_damage():
    book = SimpleNamespace(nsheets=1, sheet_by_index=interrupted)
    workbook = object.__new__(xls.XlsWorkbook)
    workbook._book = book

    with pytest.raises(Cancelled):
        next(workbook.sheets())

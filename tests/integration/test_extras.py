"""Without an extra, each kind that needs it says what to install; text needs none."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import pyzipper
import xlwt
from docx import Document as Word
from msoffcrypto.format.ooxml import OOXMLFile
from support.archives import zipped
from support.extras import hiding, reporting
from support.ole_files import ole_file
from support.patience import patient
from support.scans import drawn, encoded, scanned_pdf

from docprogress import Pipeline, Status, local

#: What reads a file in a process of its own, and what comes of it.
READ = """
import json, pathlib, sys
from docprogress.documents import Document
from docprogress.errors import DocumentError
from docprogress.settings import load
from docprogress.steps import containers
from docprogress.steps.extract import extract

made = {}
for path in pathlib.Path(sys.argv[1]).iterdir():
    document = Document(id="d", name=path.name, path=path, size=path.stat().st_size)
    settings = load(html_content="main", passwords=["sesame"])
    try:
        with extract(document, settings=settings) as extraction:
            list(extraction)
        made[path.name] = extraction.facts.get("note", "")
        if extraction.facts["media_type"] == containers.ZIP:
            kind = {"settings": settings, "media_type": containers.ZIP}
            with containers.members(document, **kind) as found:
                for member in found:
                    list(containers.blocks(member, path.name))
    except DocumentError as error:
        made[path.name] = str(error)
print(json.dumps(made))
"""


def workbook():
    book, made = xlwt.Workbook(), io.BytesIO()
    book.add_sheet("One").write(0, 0, "cell")
    book.save(made)
    return made.getvalue()


def encrypted():
    plain, made = io.BytesIO(), io.BytesIO()
    document = Word()
    document.add_paragraph("the secret text")
    document.save(plain)
    OOXMLFile(plain).encrypt("sesame", made)
    return made.getvalue()


def sealed():
    made = io.BytesIO()
    with pyzipper.AESZipFile(made, "w", encryption=pyzipper.WZ_AES) as file:
        file.setpassword(b"sesame")
        file.writestr("m.txt", "the secret member")
    return made.getvalue()


#: A file of each kind that needs an extra, by the extra's name.
NEEDS = {
    "a.xls": ("formats", workbook),
    "a.msg": (
        "formats",
        lambda: ole_file({"__properties_version1.0": bytes(32), "x": b"x"}),
    ),
    "a.docx": ("formats", encrypted),
    "a.zip": ("formats", sealed),
    "a.doc": ("legacy", lambda: ole_file({"WordDocument": bytes(600)})),
    "a.ppt": ("legacy", lambda: ole_file({"PowerPoint Document": bytes(600)})),
    "a.html": ("html", lambda: b"<html><body><p>Some text.</p></body></html>"),
    **{
        f"a.{name.lower()}": ("ocr", lambda name=name: encoded(drawn(), name))
        for name in ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
    },
}
#: A scan completes, and the run's summary says what to install.
SCAN = scanned_pdf(drawn())
TEXTS = {
    "a.txt": b"some text",
    "a.md": b"# some text",
    "a.csv": b"a,b\n1,2\n",
    "a.html": b"<html><body><p>Some text.</p></body></html>",
    "a.eml": b"From: a@b.example\nTo: c@d.example\nSubject: x\n\nSome text.\n",
    "a.zip": zipped([("b.txt", "some text")]),
    "a.ics": b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the reader says of each file, in a process without the libraries."""
    folder = tmp_path_factory.mktemp("extras")
    (folder / "files").mkdir()
    for name, (_, content) in NEEDS.items():
        (folder / "files" / name).write_bytes(content())
    done = subprocess.run(
        [sys.executable, "-c", READ, folder / "files"],
        env=os.environ | hiding(folder),
        capture_output=True,
        text=True,
        check=True,
        timeout=patient(120),
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NEEDS)
def test_a_file_that_needs_an_extra_names_it(said, name):
    extra, _ = NEEDS[name]

    assert re.search(rf"pip install 'docprogress\[{extra}\]'", said[name]), said[name]


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """The documents of a real run whose workers lack the libraries, by name."""
    folder = tmp_path_factory.mktemp("run")
    files = [(name, content()) for name, (_, content) in NEEDS.items()]
    files.append(("scan.pdf", SCAN))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in hiding(folder).items():
            patch.setenv(name, value)
        with running(html_content="main", passwords=["sesame"]) as pipeline:
            run = pipeline.submit(files).wait(timeout=patient(120))
            rows = {row.name: row for row in run.documents()}
            rows["summary"] = run.summary()

    return rows


@contextlib.contextmanager
def running(**settings):
    with tempfile.TemporaryDirectory(prefix="dp-") as name:
        home = Path(name) / "home"
        try:
            with Pipeline(home=home, workers=1, **settings) as pipeline:
                yield pipeline
        finally:
            local.down(home)


@pytest.mark.parametrize("name", NEEDS)
def test_a_file_that_needs_an_extra_names_it_in_a_run(documents, name):
    extra, _ = NEEDS[name]
    row = documents["a.zip/m.txt" if name == "a.zip" else name]

    assert row.status is Status.FAILED
    assert re.search(rf"pip install 'docprogress\[{extra}\]'", row.error), row.error


def test_a_scan_completes_and_the_summary_says_what_to_install(documents):
    scan = documents["scan.pdf"]

    assert (scan.status, scan.note) == (
        Status.COMPLETED,
        "no text layer, OCR needed",
    )
    assert "1 of 15 documents has no text" in documents["summary"]
    assert "install docprogress[ocr]" in documents["summary"]


def test_workers_that_read_text_import_nothing_of_the_extras(tmp_path):
    reported = tmp_path / "imported"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in reporting(tmp_path, reported).items():
            patch.setenv(name, value)
        with running() as pipeline:
            run = pipeline.submit(list(TEXTS.items())).wait(timeout=patient(120))
            assert {row.status for row in run.documents()} == {Status.COMPLETED}
            assert not reported.exists(), reported.read_text()

            # What is used is reported, so that the claim above can be false.
            pipeline.submit([("a.xls", workbook())]).wait(timeout=patient(120))
            assert "xlrd" in reported.read_text()

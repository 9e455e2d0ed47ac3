"""The contents of the sample documents, read with the libraries themselves."""

import gzip
import io
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import charset_normalizer
import docx
import pypdf
import pypdfium2
import pytest
from support.patience import patient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SAMPLES = NOTEBOOKS / "samples"
FAILING = NOTEBOOKS / "samples-that-fail"
KINDS = NOTEBOOKS / "samples-of-each-kind"
FOLDERS = ("samples", "samples-that-fail", "samples-of-each-kind")

#: Words of each sample, none of which stands in another, and its pages.
READABLE = {
    "insulation-study.pdf": (2, ["vapour-open membrane", "guarded heat flow meter"]),
    "maintenance-manual.pdf": (60, ["replace the filter bags", "steam cylinder"]),
    "services-agreement.pdf": (4, ["Termination for convenience", "Work Order"]),
    "welcome-letter.pdf": (1, ["three of them", "there is soup"]),
    "work-rules-ja.pdf": (2, ["年次有給休暇", "株式会社みなと製作所", "2025年4月1日"]),
}  # fmt: skip


def pdf_pages(path: Path) -> list[str]:
    """The text of each page, its lines joined."""
    document = pypdfium2.PdfDocument(path)
    try:
        texts = []
        for page in document:
            text_page = page.get_textpage()
            texts.append(" ".join(text_page.get_text_range().split()))
            text_page.close()
            page.close()
        return texts
    finally:
        document.close()


def docx_text(path: Path) -> str:
    document = docx.Document(path)
    cells = [
        cell.text
        for table in document.tables
        for row in table.rows
        for cell in row.cells
    ]
    return "\n".join([*(p.text for p in document.paragraphs), *cells])


@pytest.fixture(scope="module")
def made_samples(tmp_path_factory):
    """The samples, made anew by the script in another folder."""
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run(
        [sys.executable, NOTEBOOKS / "make_samples.py", folder],
        check=True,
        timeout=patient(60),
    )
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for kind in FOLDERS
        for path in sorted((folder / kind).iterdir())
    }


@pytest.mark.slow
def test_the_script_makes_the_same_bytes_each_time(made_samples, tmp_path):
    subprocess.run(
        [sys.executable, NOTEBOOKS / "make_samples.py", tmp_path],
        check=True,
        timeout=patient(60),
    )

    assert files(tmp_path) == files(made_samples)


def test_the_script_makes_every_sample_and_no_other(made_samples):
    assert files(made_samples).keys() == files(NOTEBOOKS).keys()


def test_the_samples_are_what_the_script_makes(made_samples):
    # Other versions of the libraries may compress or lay out in another way, so it is
    # what one reads that has to be the same.
    for path in sorted((made_samples / "samples").iterdir()):
        kept = SAMPLES / path.name
        read = {".pdf": pdf_pages, ".docx": docx_text}.get(path.suffix, Path.read_bytes)
        assert read(path) == read(kept), path.name


def test_the_samples_of_each_kind_are_what_the_script_makes(made_samples):
    pictures = {".pdf", ".png", ".jpg", ".tiff", ".eml"}
    for path in sorted((made_samples / KINDS.name).iterdir()):
        # Archives are packed, and pictures drawn, as the installed libraries do it.
        if path.suffix not in pictures and not zipfile.is_zipfile(path):
            if path.suffix == ".gz":
                made_, kept = (
                    gzip.decompress(one.read_bytes())[:512]
                    for one in (path, KINDS / path.name)
                )
            else:
                made_, kept = path.read_bytes(), (KINDS / path.name).read_bytes()
            assert made_ == kept, path.name


def test_there_is_one_sample_of_each_kind_and_all_of_them_are_small():
    kinds = [path.suffix for path in KINDS.iterdir()]

    # There are two PDFs: one with text and one that is a scan.
    assert len(kinds) == len(set(kinds)) + 1
    assert kinds.count(".pdf") == 2
    assert sum(path.stat().st_size for path in KINDS.iterdir()) < 1_500_000


def test_the_samples_are_small():
    assert sum(map(len, files(NOTEBOOKS).values())) < 3_500_000


def test_there_are_eight_to_twelve_samples():
    assert 8 <= len(list(SAMPLES.iterdir())) <= 12


def test_the_samples_are_of_every_kind_that_can_be_read():
    kinds = {path.suffix for path in SAMPLES.iterdir()}

    assert kinds == {".pdf", ".docx", ".html", ".md", ".txt"}


@pytest.mark.parametrize("name", sorted(READABLE))
def test_a_pdf_has_its_pages_and_its_text(name):
    count, phrases = READABLE[name]

    pages = pdf_pages(SAMPLES / name)

    assert len(pages) == count
    assert all(pages)
    for phrase in phrases:
        assert phrase.casefold() in " ".join(pages).casefold()


@pytest.mark.parametrize("name", sorted(READABLE))
def test_both_engines_count_the_same_pages(name):
    reader = pypdf.PdfReader(SAMPLES / name)

    assert len(reader.pages) == READABLE[name][0]
    assert reader.metadata.title


def test_two_columns_are_read_one_after_the_other():
    text = pdf_pages(SAMPLES / "insulation-study.pdf")[0]

    left, right = text.index("3. Results"), text.index("Thermal conductivity rose")
    assert text.index("Abstract") < left < right


def test_two_columns_are_side_by_side():
    document = pypdfium2.PdfDocument(SAMPLES / "insulation-study.pdf")
    text_page = document[0].get_textpage()

    def place(phrase):
        searcher = text_page.search(phrase)
        start, _ = searcher.get_next()
        searcher.close()
        left, bottom, _, _ = text_page.get_charbox(start)
        return left, bottom

    first, first_height = place("Abstract")
    last, last_height = place("3. Results")
    beside, beside_height = place("Thermal conductivity rose")
    text_page.close()
    document.close()

    assert abs(first - last) < 5
    assert beside - first > 200
    assert last_height < beside_height < first_height


def test_every_page_of_the_manual_is_different():
    pages = pdf_pages(SAMPLES / "maintenance-manual.pdf")

    bodies = {re.sub(r"^AX-400 maintenance manual \d+ ", "", page) for page in pages}

    assert len(bodies) == 60


def test_the_contents_of_the_manual_are_right():
    pages = pdf_pages(SAMPLES / "maintenance-manual.pdf")
    contents = pages[1].partition("Chapter Page")[2].partition("Trouble")[0]

    listed = re.findall(r"(\d+ [A-Z][a-z ]+?) (\d+)(?= )", contents)

    assert len(listed) == 12
    for chapter, page in listed:
        assert chapter.upper() in pages[int(page) - 1]
        assert chapter.upper() not in pages[int(page) - 2]


def test_the_scan_is_a_picture_without_any_text():
    assert pdf_pages(SAMPLES / "delivery-note-scan.pdf") == [""]

    (page,) = pypdf.PdfReader(SAMPLES / "delivery-note-scan.pdf").pages
    (image,) = page.images
    assert image.image.width > 1000
    # It shows something: light paper, dark ink.
    darkest, lightest = image.image.convert("L").getextrema()
    assert darkest < 80
    assert lightest > 200


@pytest.mark.parametrize(
    ("name", "phrases"),
    [
        ("board-minutes.docx", ["Night shift trial", "87 decibels"]),
        ("supply-agreement.docx", ["liquidated damages", "Twist-off closure", "0.041"]),
        ("notice-ar.docx", ["انقطاع المياه", "إدارة المبنى"]),
    ],
)
def test_a_word_file_has_its_text(name, phrases):
    text = docx_text(SAMPLES / name)

    assert [phrase for phrase in phrases if phrase not in text] == []


def test_the_price_list_has_text_and_things_that_are_not_text():
    class Shown(HTMLParser):
        def handle_data(self, data):
            shown.append(data)

    shown = []
    raw = (SAMPLES / "price-list.html").read_text("utf-8")
    Shown().feed(raw)

    assert "Bypass secateurs, replaceable blade" in " ".join(shown)
    assert "<script>" in raw
    assert "<!--" in raw


def test_the_guide_is_markdown_in_utf8():
    text = (SAMPLES / "integration-guide.md").read_text("utf-8")

    assert text.startswith("# Returns API")
    assert "```http" in text


def test_the_russian_letter_is_not_utf8_and_can_still_be_read():
    raw = (SAMPLES / "письмо жильцу.txt").read_bytes()

    with pytest.raises(UnicodeDecodeError):
        raw.decode()
    assert charset_normalizer.from_bytes(raw).best().encoding == "cp1251"
    assert "Протечка в подъезде" in raw.decode("cp1251")


def test_a_search_for_a_phrase_has_one_right_answer():
    texts = {
        path.name: " ".join(pdf_pages(path))
        for path in SAMPLES.glob("*.pdf")
    } | {path.name: docx_text(path) for path in SAMPLES.glob("*.docx")}  # fmt: skip

    def found(phrase):
        return {name for name, text in texts.items() if phrase in text.casefold()}

    assert found("termination for convenience") == {"services-agreement.pdf"}
    assert found("replace the filter") == {"maintenance-manual.pdf"}
    assert found("thermal conductivity") == {"insulation-study.pdf"}


def test_the_empty_file_is_empty():
    assert (FAILING / "empty.pdf").read_bytes() == b""


def test_the_encrypted_file_needs_its_password():
    path = FAILING / "encrypted.pdf"

    with pytest.raises(pypdfium2.PdfiumError, match="password"):
        pypdfium2.PdfDocument(path)
    reader = pypdf.PdfReader(path)
    assert reader.is_encrypted
    assert not reader.decrypt("")
    assert reader.decrypt("correct horse")
    assert "for the board" in reader.pages[0].extract_text()


def test_no_engine_can_read_the_truncated_file():
    raw = (FAILING / "truncated.pdf").read_bytes()

    assert raw.startswith(b"%PDF-")
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(raw)
    with pytest.raises(pypdf.errors.PyPdfError):
        pypdf.PdfReader(io.BytesIO(raw))

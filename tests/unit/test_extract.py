"""Reading documents: real ones, broken ones, and ones made to hurt."""

import gc
import io
import os
import random
import sys
import threading
import tracemalloc
import weakref
import zipfile
from pathlib import Path

import docx
import pypdf
import pypdfium2
import pytest
from pypdfium2.internal import ObjectTracker
from reportlab.pdfgen import canvas
from support.patience import patient

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, TransientError, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504


def read(path, **settings):
    """The document's pages, and what is known of it."""
    with extract(document(path), settings=load(**settings)) as extraction:
        pages = list(extraction)
    return [page.text for page in pages], extraction.facts


def document(path):
    return Document(id="d", name=path.name, path=path, size=path.stat().st_size)


@pytest.fixture
def write(tmp_path):
    """Writes bytes or text to a file of this name."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def pdf(*texts, title="A title", password=None):
    """A PDF with a page for each text."""
    buffer = io.BytesIO()
    drawing = canvas.Canvas(buffer)
    drawing.setTitle(title)
    for text in texts:
        drawing.drawString(72, 700, text)
        drawing.showPage()
    drawing.save()
    if password is None:
        return buffer.getvalue()
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(buffer))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    encrypted = io.BytesIO()
    writer.write(encrypted)
    return encrypted.getvalue()


def objects(*bodies, header=b"%PDF-1.4\n"):
    """A PDF of these objects, the first of which is the catalogue."""
    out, offsets = header, []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, count = len(out), len(bodies) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % count
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + (
        b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF" % (count, start)
    )


def stream(content):
    return b"<</Length %d>>stream\n%s\nendstream" % (len(content), content)


def one_page(shown, *, second=b""):
    """A PDF whose first page shows this; with `second`, there is another one."""
    kids = b"[3 0 R 6 0 R]/Count 2" if second else b"[3 0 R]/Count 1"
    return objects(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids%s>>" % kids,
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>>>>>",
        stream(b"BT /F 12 Tf 14 TL 20 300 Td %s ET" % shown),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        second,
        stream(b"BT /F Tf (no end Tj ["),
    )


def package(body, *, name="word/document.xml", compression=zipfile.ZIP_DEFLATED):
    """A ZIP file that looks like a Word document."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, body)
    return buffer.getvalue()


def word(body):
    return package(f"<w:document {WORD}><w:body>{body}</w:body></w:document>")


def test_pdf_gives_its_pages_in_order(write):
    pages, facts = read(write("a.pdf", pdf("the first", "the second", "the third")))

    assert pages == ["the first", "the second", "the third"]
    assert facts["media_type"] == "application/pdf"
    assert facts["engine"] == "pdfium"
    assert facts["title"] == "A title"


def test_pages_are_numbered_and_counted_down(write):
    path = write("a.pdf", pdf("one", "two"))
    extraction = extract(document(path), settings=load())

    assert (extraction.total, extraction.__length_hint__()) == (2, 2)
    assert next(extraction).number == 1
    assert extraction.__length_hint__() == 1
    assert [page.number for page in extraction] == [2]
    assert extraction.__length_hint__() == 0


def test_pypdf_reads_when_it_is_configured(write):
    pages, facts = read(write("a.pdf", pdf("the text")), pdf_engine="pypdf")

    assert pages[0].strip() == "the text"
    assert facts["engine"] == "pypdf"
    assert facts["title"] == "A title"


def test_pypdf_reads_what_pdfium_refuses(write):
    broken = one_page(b"(rescued) Tj").replace(b"/Root 1 0 R", b"/Root 9 0 R")
    path = write("a.pdf", broken)

    with pytest.raises(Unreadable, match="damaged"):
        read(path, pdf_engine="pdfium")

    pages, facts = read(path)
    assert pages[0].strip() == "rescued"
    assert facts["engine"] == "pypdf"


def test_words_hyphenated_at_line_ends_are_joined(write):
    joined, _ = read(write("a.pdf", one_page(b"(the termi-) Tj T* (nation clause) Tj")))
    kept, _ = read(write("b.pdf", one_page(b"(a day-to-) Tj T* (day matter) Tj")))

    assert "termination" in joined[0]
    assert "day-to-day" in kept[0]


def test_pdf_is_detected_by_its_content_under_any_name(write):
    pages, facts = read(write("notes.txt", pdf("not a text")))

    assert pages == ["not a text"]
    assert facts["media_type"] == "application/pdf"


def test_pdf_may_begin_after_some_junk(write):
    pages, _ = read(write("a.pdf", b"junk\n" * 50 + pdf("found all the same")))

    assert pages == ["found all the same"]


def test_text_that_speaks_of_pdfs_is_text(write):
    pages, facts = read(write("notes.txt", "A PDF begins with %PDF-1.7, they say."))

    assert pages == ["A PDF begins with %PDF-1.7, they say."]
    assert facts["media_type"] == "text/plain"


def test_pdf_without_text_says_that_it_needs_ocr(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", None)

    pages, facts = read(write("scan.pdf", pdf("", "")))

    assert pages == ["", ""]
    assert facts["note"] == "no text layer, OCR needed"


@pytest.mark.parametrize(
    ("engine", "second"),
    [
        ("pdfium", b"(no page at all)"),
        ("pypdf", b"<</Type/Page/Contents 7 0 R/Resources<</Font<</F 5 0 R>>>>>>"),
    ],
)
def test_unreadable_page_is_empty_and_noted(write, engine, second):
    path = write("a.pdf", one_page(b"(good) Tj", second=second))

    pages, facts = read(path, pdf_engine=engine)

    assert [page.strip() for page in pages] == ["good", ""]
    assert facts["note"] == "1 of 2 pages could not be read"
    assert facts["warnings"] == ["page 2 could not be read"]


@pytest.mark.parametrize("engine", ["auto", "pdfium", "pypdf"])
def test_encrypted_pdf_needs_a_password(write, engine):
    path = write("contract.pdf", pdf("secret", password="open sesame"))

    with pytest.raises(Unreadable, match=r"^contract\.pdf: .*encrypted.* password"):
        read(path, pdf_engine=engine)


@pytest.mark.parametrize("engine", ["pdfium", "pypdf"])
def test_empty_password_opens_by_itself(write, engine):
    pages, _ = read(write("a.pdf", pdf("open", password="")), pdf_engine=engine)

    assert pages[0].strip() == "open"


def test_pdf_without_pages_is_refused_as_that(write):
    locked = write("locked.pdf", pdf("secret", password="open sesame"))
    none = b"<</Type/Pages/Kids[]/Count 0>>"
    path = write("a.pdf", objects(b"<</Type/Catalog/Pages 2 0 R>>", none))

    for engine in ("auto", "pdfium", "pypdf"):
        with pytest.raises(Unreadable, match="password"):
            read(locked)
        with pytest.raises(Unreadable, match=r"^a\.pdf: the PDF has no pages"):
            read(path, pdf_engine=engine)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.75, 0.99])
def test_pdf_cut_short_is_refused_as_that(write, part):
    whole = pdf(*(f"page {number}" for number in range(50)))

    with pytest.raises(Unreadable, match=r"^a\.pdf: .*damaged or cut short"):
        read(write("a.pdf", whole[: int(len(whole) * part)]))


@pytest.mark.parametrize("engine", ["auto", "pdfium", "pypdf"])
@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.7\n" + random.Random(7).randbytes(20_000),
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages " + b"[" * 100_000,
        objects(
            b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"
        ),
        objects(b"<</Type/Catalog/Pages 2 0 R>>", b"2 0 R"),
        b"%PDF-1.4\nxref\n0 1\n0 65535 f \ntrailer<</Prev 9>>\nstartxref\n9\n%%EOF",
        b"%PDF-1.4\nstartxref\n99999999999999999999\n%%EOF",
    ],
    ids=["header", "noise", "brackets", "loop", "reference", "xref", "offset"],
)
def test_broken_pdf_is_refused_in_one_sentence(write, engine, content):
    with pytest.raises(Unreadable, match=r"^a\.pdf: the PDF ") as refused:
        read(write("a.pdf", content), pdf_engine=engine)

    assert "\n" not in str(refused.value)
    assert "Error" not in str(refused.value)


def test_page_limit_holds_before_a_page_is_read(write):
    path = write("a.pdf", pdf(*"abcdef"))

    with pytest.raises(
        LimitExceeded, match=r"^a\.pdf: 6 pages, the limit is 5 \(max_pages\)"
    ):
        extract(document(path), settings=load(max_pages=5))


@pytest.mark.parametrize("engine", ["pdfium", "pypdf"])
def test_character_limit_holds_for_pdfs(write, engine):
    path = write("a.pdf", pdf("0123456789", "0123456789", "0123456789"))

    extraction = extract(
        document(path), settings=load(max_characters=25, pdf_engine=engine)
    )

    assert len(next(extraction).text.strip()) == 10
    assert len(next(extraction).text.strip()) == 10
    with pytest.raises(LimitExceeded, match=r"more than 25 characters.*max_characters"):
        next(extraction)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "x" * 101),
        ("a.md", "é" * 101),
        ("a.html", "<p>" + "x" * 101),
        ("a.docx", word("<w:p><w:r><w:t>" + "x" * 101 + "</w:t></w:r></w:p>")),
    ],
    ids=["text", "markdown", "html", "docx"],
)
def test_character_limit_holds_for_all_formats(write, name, content):
    path = write(name, content)

    with pytest.raises(LimitExceeded, match="more than 100 characters"):
        read(path, max_characters=100)
    assert len(read(path, max_characters=101)[0][0]) == 101


def test_text_too_long_for_any_encoding_is_not_even_read(write):
    path = write("a.txt", b"")
    os.truncate(path, 10_000_000_000)  # a sparse file: nothing is written

    with path.open("r+b") as file:
        file.write(b"some text")

    with pytest.raises(LimitExceeded, match="max_characters"):
        read(path)


def test_handles_are_closed_after_the_last_page(write):
    path = write("a.pdf", pdf("one", "two"))
    extraction = extract(document(path), settings=load())

    assert len(list(extraction)) == 2

    assert not open_pdfs()
    assert list(extraction) == []


def test_handles_are_closed_when_pages_are_left(write):
    path = write("a.pdf", pdf("one", "two"))
    extraction = extract(document(path), settings=load())
    next(extraction)
    assert open_pdfs()

    extraction.close()
    extraction.close()

    assert not open_pdfs()


def test_handles_are_closed_after_an_error(write):
    path = write("a.pdf", pdf("0123456789"))

    with pytest.raises(LimitExceeded):
        read(path, max_characters=5)
    with pytest.raises(LimitExceeded):
        read(write("b.pdf", pdf("a", "b")), max_pages=1)

    assert not open_pdfs()


def test_handles_are_closed_when_they_are_no_longer_referenced(write):
    extraction = extract(document(write("a.pdf", pdf("one"))), settings=load())
    gone = weakref.ref(extraction)

    del extraction

    assert gone() is None
    assert not open_pdfs()


@pytest.mark.parametrize("engine", ["pdfium", "pypdf"])
def test_files_are_closed(write, engine):
    path = write("a.pdf", pdf("one"))
    handles = Path("/proc/self/fd")
    if not handles.exists():
        pytest.skip("this system does not list a process's open files")
    before = set(handles.iterdir())

    extraction = extract(document(path), settings=load(pdf_engine=engine))
    next(extraction)
    during = set(handles.iterdir())
    extraction.close()

    assert len(during) > len(before)
    assert len(set(handles.iterdir())) <= len(before)


def open_pdfs():
    gc.collect()
    return len(ObjectTracker[pypdfium2.PdfDocument])


def test_memory_stays_flat_over_many_pages(write):
    path = write("a.pdf", pdf(*(f"page {number} " * 20 for number in range(600))))
    extraction = extract(document(path), settings=load())
    for _ in range(50):
        next(extraction)
    tracemalloc.start()
    try:
        for _ in range(500):
            next(extraction)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        extraction.close()

    assert grown < 100_000


def test_pdfs_are_read_in_several_threads_at_once(write):
    paths = [write(f"{n}.pdf", pdf(*(f"{n}-{p}" for p in range(30)))) for n in range(4)]
    found = {}

    def work(number):
        found[number] = read(paths[number])[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patient(60))

    assert found == {n: [f"{n}-{p}" for p in range(30)] for n in range(4)}


def test_empty_file_is_refused(write):
    with pytest.raises(Unreadable, match=r"^notes\.txt: the file is empty$"):
        read(write("notes.txt", b""))


def test_missing_file_may_come_back(tmp_path):
    gone = Document(id="d", name="a.pdf", path=tmp_path / "a.pdf", size=1)

    with pytest.raises(TransientError, match=r"^a\.pdf: .*No such file"):
        extract(gone, settings=load())


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "a PNG image"),
        ("a.pdf", b"\xff\xd8\xff\xe0" + b"\0" * 50, "a JPEG image"),
        ("a.pdf", random.Random(1).randbytes(999), "not a PDF but binary data"),
        ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        ("a.doc", OLE + "WordDocument".encode("utf-16-le"), "old Word document (.doc)"),
        (
            "a.xls",
            OLE + "Workbook".encode("utf-16-le"),
            "workbook (.xls) that is damaged",
        ),
        ("a.xlsx", package("<a/>", name="xl/sheet.xml"), "damaged Excel workbook"),
        ("a.pptx", package("<a/>", name="ppt/slides/1.xml"), "PowerPoint presentation"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "a PNG image"),
        ("a.txt", b"GIF89a" + b"\0" * 50, "a GIF image"),
        ("a.txt", b"\x7fELF" + b"\0" * 50, "a program"),
        ("a.exe", b"MZ\x90\0" + b"\0" * 50, "a program"),
        ("a.gz", b"\x1f\x8b\x08" + b"\0" * 50, "a compressed file"),
        ("a.txt", random.Random(2).randbytes(5000), "binary data"),
        ("a.txt", b"\0" * 5000, "binary data"),
    ],
)
def test_unreadable_files_are_named_by_their_type(write, name, content, found):
    with pytest.raises(Unreadable) as refused:
        read(write(name, content))

    message = str(refused.value)
    assert message.startswith(f"{name}: ")
    assert found in message
    assert ";" in message, "it does not say what to do"
    assert "\n" not in message


def test_docx_gives_paragraphs_and_tables_in_order(write, tmp_path):
    made = docx.Document()
    made.core_properties.title = "The contract"
    made.add_paragraph("Before\tthe table")
    table = made.add_table(2, 2)
    for row in (0, 1):
        for column in (0, 1):
            table.cell(row, column).text = f"cell {row}{column}"
    table.cell(0, 0).add_paragraph("and more")
    made.add_paragraph("After\nthe table")
    made.save(tmp_path / "a.docx")

    pages, facts = read(tmp_path / "a.docx")

    assert pages[0].split("\n") == [
        "Before\tthe table",
        "cell 00 and more\tcell 01",
        "cell 10\tcell 11",
        "After",
        "the table",
    ]
    assert facts["engine"] == "docx"
    assert facts["title"] == "The contract"


def test_docx_leaves_out_what_word_does_not_show(write):
    pages, _ = read(
        write(
            "a.docx",
            word(
                "<w:p><w:r><w:t>kept</w:t></w:r>"
                "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
                "<w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom>"
                "<w:r><w:instrText>PAGE</w:instrText></w:r>"
                "<mc:AlternateContent xmlns:mc="
                '"http://schemas.openxmlformats.org/markup-compatibility/2006">'
                "<mc:Choice><w:r><w:t> once</w:t></w:r></mc:Choice>"
                "<mc:Fallback><w:r><w:t> twice</w:t></w:r></mc:Fallback>"
                "</mc:AlternateContent></w:p>"
            ),
        )
    )

    assert pages == ["kept once"]


def test_docx_under_the_name_of_a_pdf_is_read(write):
    pages, _ = read(write("a.pdf", word("<w:p><w:r><w:t>text</w:t></w:r></w:p>")))

    assert pages == ["text"]


def test_docx_without_text_is_noted(write):
    assert read(write("a.docx", word("")))[1]["note"] == "no text"


def test_docx_bomb_is_refused_before_it_is_unpacked(write):
    bomb = word("<w:p><w:r><w:t>" + "a" * 100_000_000 + "</w:t></w:r></w:p>")
    path = write("a.docx", bomb)
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded, match=r"^a\.docx: it unpacks to"):
            read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 10_000_000


def test_docx_that_declares_too_little_is_cut_off(write):
    body = "<w:p/>" * 4_000_000
    declared = len(f"<w:document {WORD}><w:body>{body}</w:body></w:document>")
    honest = word(body)
    lie = honest.replace(declared.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lie != honest

    with pytest.raises(Unreadable, match="damaged"):
        read(write("a.docx", lie))


def test_docx_counts_what_it_unpacks(write):
    # Too little to be taken for a bomb by its ratio, too much for the limit.
    noise = random.Random(3)
    marks = "".join(f'<w:p a="{noise.random()}"/>' for _ in range(800_000))

    with pytest.raises(LimitExceeded, match="bytes of XML"):
        read(write("a.docx", word(marks)), max_characters=1000)


def test_docx_entities_are_refused(write):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    body = f'<!DOCTYPE x [<!ENTITY l0 "lol">{laughs}]><x>&l9;</x>'

    with pytest.raises(Unreadable, match="document type"):
        read(write("a.docx", package(body)))


@pytest.mark.parametrize("encoding", ["UTF-255", "base64", "shift_jis", "idna"])
def test_docx_in_an_encoding_that_xml_cannot_have_is_refused(write, encoding):
    body = f"<?xml version='1.0' encoding='{encoding}'?><w:document {WORD}/>"

    with pytest.raises(Unreadable, match=r"^a\.docx: .*damaged"):
        read(write("a.docx", package(body)))


def test_endlessly_nested_docx_is_harmless(write):
    with pytest.raises(Unreadable, match="damaged"):
        read(write("a.docx", package("<a>" * 300_000)))

    deep = "<w:p>" * 100_000 + "<w:r><w:t>x</w:t></w:r>" + "</w:p>" * 100_000
    assert read(write("b.docx", word(deep)))[0] == ["x"]


def test_zip_with_endless_contents_is_refused_unread(write):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(40_000):
            archive.writestr(f"{number:080}", "")

    with pytest.raises(LimitExceeded, match="central directory"):
        read(write("a.docx", buffer.getvalue()))


@pytest.mark.parametrize("part", [0.2, 0.6, 0.95])
def test_docx_cut_short_is_refused_as_that(write, part):
    whole = word("<w:p><w:r><w:t>text</w:t></w:r></w:p>" * 500)

    with pytest.raises(Unreadable, match=r"^a\.docx: .*damaged or cut short"):
        read(write("a.docx", whole[: int(len(whole) * part)]))


def test_docx_with_flipped_bytes_is_read_or_refused(write):
    whole = bytearray(word("<w:p><w:r><w:t>some text</w:t></w:r></w:p>" * 50))
    chance = random.Random(5)
    outcomes = set()

    for _ in range(300):
        flipped = bytearray(whole)
        for _ in range(3):
            flipped[chance.randrange(4, len(flipped))] ^= 1 << chance.randrange(8)
        try:
            read(write("a.docx", bytes(flipped)))
            outcomes.add("read")
        except (Unreadable, LimitExceeded):
            outcomes.add("refused")

    assert "refused" in outcomes


def test_pdf_with_flipped_bytes_is_read_or_refused(write):
    whole = bytearray(pdf("some text", "more text"))
    chance = random.Random(6)
    outcomes = set()

    for _ in range(300):
        flipped = bytearray(whole)
        for _ in range(8):
            flipped[chance.randrange(8, len(flipped))] ^= 1 << chance.randrange(8)
        try:
            read(write("a.pdf", bytes(flipped)))
            outcomes.add("read")
        except (Unreadable, LimitExceeded):
            outcomes.add("refused")

    assert "read" in outcomes


def test_html_gives_what_a_reader_sees(write):
    pages, facts = read(
        write(
            "a.html",
            """<!doctype html><html><head><meta charset="utf-8">
            <title> Terms &amp;
              conditions </title><style>p { color: red }</style>
            <script>if (a < b) document.write("<p>nobody sees this</p>")</script></head>
            <body><h1>Terms</h1><p>One <b>bold</b>
            word<br>and a line</p><ul><li>first<li>second</ul>
            <table><tr><td>1<td>2<tr><td>3</td><td>4</td></tr></table>
            <template>no</template><noscript>no</noscript><!-- no > -->
            <div hidden>no <div>no</div> no</div><p style="display: none">x
            <span style="display: none">no</span><pre>  as
   it is</pre>5 &lt; 6 caf&eacute;</body></html>""",
        )
    )

    assert pages[0].split("\n\n") == [
        "Terms",
        "One bold word\nand a line",
        "first\nsecond",
        "1\t2\n3\t4",
        "  as\n   it is",
        "5 < 6 café",
    ]
    assert facts == {
        "media_type": "text/html",
        "engine": "html",
        "encoding": "utf-8",
        "title": "Terms & conditions",
    }


def test_html_is_detected_by_its_content(write):
    facts = read(write("a.txt", "<!DOCTYPE html><p>text"))[1]

    assert facts["media_type"] == "text/html"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a < b and <3", "a < b and <3"),
        ("a<", "a<"),
        ("<p>a<!-- b", "a"),
        ("<p>a<!--> b", "a b"),
        ("<p>a<!-- x --!> b", "a b"),
        ("<p>a<!x> b<?php y ?> c</ d>e", "a b ce"),
        ('<p>a<b title="x>y">c</b>', "ac"),
        ("<p>a<b title=x>c</b>", "ac"),
        ('<p>a<b title="no end>c</b>', "a"),
        ("<p>a<b title", "a"),
        ("<p>a<script>b</SCRIPT >c", "ac"),
        ("<p>a<script>b</scripted>c", "a"),
        ("<p>a<textarea><b>c</textarea>d", "a <b>c d"),
        ("<p>a</b></i></div>c", "a\nc"),
        ("<p>a<template>b<template>c</template>d</template>e", "ae"),
        ("<P>a<BR/>b<Hr>c", "a\nb\nc"),
        ("<p>&#0;&#xD800;&#x110000;x&nosuch;", "\ufffd\ufffd\ufffdx&nosuch;"),
    ],
)
def test_html_is_split_as_browsers_split_it(write, page, text):
    assert read(write("a.html", page))[0] == [text]


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + "x",
        "<b>" * 100_000 + "x",
        "<" * 300_000,
        "<!" * 100_000,
        "<!--" * 100_000,
        "<a " * 100_000,
        "<a b='" * 100_000,
        '<a b="' * 100_000 + "'",
        "</" * 100_000,
        "<script>" * 100_000,
        "<title>" * 100_000,
        "<template>" * 100_000,
        "<template></template>" * 20_000,
        "<div hidden>" * 100_000,
        "<span hidden>x</span>" * 20_000,
        "<a" + " x" * 200_000,
        "<a" + "/" * 300_000,
        "<" + "a" * 300_000,
        "<pre>" + " " * 300_000 + "x",
        " " * 300_000 + "x",
        "&" * 300_000,
        "&#" * 100_000,
        "".join(f"<font a={n}>" for n in range(400)) + "<p>x</p>" * 50_000,
        "<table><tr><td>" * 50_000,
    ],
    ids=lambda page: page[:24],
)
@pytest.mark.timeout(20)
def test_html_takes_time_in_proportion_to_its_length(write, page):
    read(write("a.html", page))


def test_html_declares_its_encoding(write):
    page = '<meta charset="windows-1251"><p>Договор'

    pages, facts = read(write("a.html", page.encode("cp1251")))

    assert pages == ["Договор"]
    assert facts["encoding"] == "windows-1251"


@pytest.mark.parametrize(
    "codec", ["zlib", "idna", "punycode", "unicode_escape", "nope", "iso-8859-12"]
)
def test_html_cannot_choose_any_codec(write, codec):
    page = f'<meta charset="{codec}"><p>Größe und Maße'.encode("cp1252")

    assert read(write("a.html", page))[0] == ["Größe und Maße"]


def test_markdown_is_kept_as_it_is(write):
    text = '<div align="center">\n\n# Title\n\n* one\n</div>\n'

    pages, facts = read(write("readme.md", text))

    assert pages == [text]
    assert facts["media_type"] == "text/markdown"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("ascii", "Plain words"),
        ("utf-8", "Größe — “quoted” 合同 😀"),
        ("utf-8-sig", "Größe — “quoted” 合同 😀"),
        ("utf-16", "Größe — “quoted” 合同 😀"),
        ("utf-16-le", "A line of text — with some signs\n"),
        ("utf-16-be", "A line of text — with some signs\n"),
        ("utf-32", "Größe — “quoted” 合同 😀"),
        ("utf-32-le", "A line of text — with some signs\n"),
        ("cp1252", "Größe und Übermut: die Straße führt über Köln — “so”"),
        ("cp1252", "El niño comió una piña en España mañana\n" * 10),
        ("cp1252", "Déjà vu à la crème brûlée, où l'été commence\n" * 10),
        ("cp1250", "Smlouva o nájmu nebytových prostor. Příliš žluťoučký kůň"),
        ("cp1251", "Договор аренды нежилого помещения между сторонами"),
        ("cp1253", "Σύμβαση που συνάπτεται μεταξύ των μερών"),
        ("cp1256", "يتم إبرام هذا العقد بين الطرفين الأول والثاني"),
        ("shift_jis", "本契約は、甲と乙との間で締結される。第一条 目的 テスト"),
        ("euc_jp", "本契約は、甲と乙との間で締結される。第一条 目的 テスト"),
        ("gb18030", "本合同由甲乙双方签订。第一条 合同目的 双方应当遵守"),
        ("big5", "本合約由甲乙雙方簽訂。第一條 合約目的 雙方應當遵守"),
        ("euc_kr", "본 계약은 갑과 을 사이에 체결된다. 제일조 목적"),
    ],
)
def test_text_is_read_in_any_encoding(write, encoding, text):
    assert read(write("a.txt", text.encode(encoding)))[0] == [text]


def test_few_bad_bytes_do_not_change_the_encoding(write):
    pages, facts = read(write("a.txt", "é".encode() * 100 + b"\xe9" + b" end"))

    assert pages == ["é" * 100 + "\ufffd end"]
    assert facts["encoding"] == "utf-8"
    assert facts["note"] == "1 character could not be decoded"


def test_text_holds_nothing_that_a_database_or_terminal_minds(write):
    path = write("a.txt", "a\0b\x1b[31mc\r\nd\re\x0cf\tg" + "h" * 500)

    assert read(path)[0] == ["ab[31mc\nd\ne\nf\tg" + "h" * 500]


def test_lone_surrogates_are_replaced(write):
    path = write("a.txt", b"\xff\xfea\0\x00\xd8b\0")

    [text] = read(path)[0]

    assert text == "a\ufffdb"
    text.encode("utf-8")


def test_text_of_spaces_alone_is_noted(write):
    assert read(write("a.txt", " \n\n "))[1]["note"] == "no text"


def test_real_documents_are_read():
    folder = os.environ.get("DOCPROGRESS_TEST_DOCUMENTS")
    if not folder:
        pytest.skip("DOCPROGRESS_TEST_DOCUMENTS names no folder of PDFs")
    paths = sorted(Path(folder).rglob("*.pdf"))
    assert paths

    refused = 0
    for path in paths:
        try:
            pages, facts = read(path)
        except Unreadable:
            refused += 1
            continue
        assert facts["media_type"] == "application/pdf"
        assert "".join(pages).strip() or "note" in facts
    assert refused < len(paths) / 2

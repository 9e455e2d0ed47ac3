"""Text in images is recognised, and only where there is no other."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from support.patience import patient
from support.scans import TEXT, drawn, encoded, need_ocr, scanned_pdf
from support.services import eventually, lacking

from docprogress.documents import Document, Page
from docprogress.errors import LimitExceeded, SettingsError, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.ocr import engine as engines
from docprogress.steps.ocr.background import Background
from docprogress.steps.ocr.layout import Line, in_reading_order
from docprogress.steps.ocr.text_layer import is_garbage

ENOUGH = (
    "This page has a text layer, which says what a reader would see, and is long "
    "enough that nobody would take it for a stamp on a scan."
)


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return Document(id="d", name=name, path=path, size=len(content))

    return write


def read(document, **settings):
    with extract(document, settings=load(workers=2, **settings)) as extraction:
        return list(extraction), extraction.facts


def words(text):
    return " ".join(text.split())


def test_scan_is_recognised_and_says_how_sure_it_is(write):
    need_ocr()

    pages, facts = read(write("scan.pdf", scanned_pdf(drawn())))

    assert words(pages[0].text) == " ".join(TEXT)
    assert 0.9 < pages[0].confidence <= 1
    assert facts["ocr_pages"] == 1
    assert facts["confidence"] == pages[0].confidence
    assert facts["ocr_engine"].startswith("rapidocr")
    assert "note" not in facts


def test_only_pages_without_text_are_recognised(write):
    need_ocr()

    content = scanned_pdf(ENOUGH, drawn(), ENOUGH)
    pages, facts = read(write("mixed.pdf", content))

    assert [page.number for page in pages] == [1, 2, 3]
    assert words(pages[1].text) == " ".join(TEXT)
    assert [page.confidence is None for page in pages] == [True, False, True]
    assert facts["ocr_pages"] == 1


def test_invisible_text_of_a_scan_is_used(write):
    layer = ENOUGH.replace("This", "That")
    content = scanned_pdf(drawn(), text=layer, mode=3)

    pages, facts = read(write("scan.pdf", content))

    assert words(pages[0].text) == layer
    assert "ocr_pages" not in facts


def test_stamp_on_a_scan_does_not_pass_for_its_text(write):
    need_ocr()

    content = scanned_pdf(drawn(), text="Page 1 of 1")
    pages, _ = read(write("stamped.pdf", content))

    assert " ".join(TEXT) in words(pages[0].text)


def test_blank_page_is_not_recognised(write):
    need_ocr()

    pages, facts = read(write("blank.pdf", scanned_pdf("")))

    assert pages == [Page(number=1, text="")]
    assert facts["note"] == "no text"


def test_every_page_is_recognised_on_request_and_none_if_unwanted(write):
    need_ocr()
    text = write("text.pdf", scanned_pdf(ENOUGH))
    scan = write("scan.pdf", scanned_pdf(drawn()))

    always, facts = read(text, ocr="always")
    never, unread = read(scan, ocr="never")

    assert facts["ocr_pages"] == 1
    assert words(always[0].text).startswith("This page has a text layer")
    assert never[0].text == ""
    assert unread["note"] == "no text layer, and OCR is off"


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotated_page_is_read(write, quarters):
    need_ocr()
    turned = drawn().rotate(90 * quarters, expand=True)

    pages, _ = read(write("turned.png", encoded(turned)))

    assert words(pages[0].text) == " ".join(TEXT)


def test_skewed_page_is_read_in_order(write):
    need_ocr()
    skewed = drawn(margin=1).rotate(3, fillcolor=255, expand=True)

    pages, _ = read(write("skewed.png", encoded(skewed)))

    assert words(pages[0].text) == " ".join(TEXT)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_image_is_a_document(write, kind):
    need_ocr()

    pages, facts = read(write("photo.bin", encoded(drawn(), kind)))

    assert words(pages[0].text) == " ".join(TEXT)
    assert facts["media_type"] == f"image/{kind.lower()}"


def test_tiff_has_pages(write):
    need_ocr()
    first, second = drawn(("The first page",)), drawn(("The second page",))
    content = encoded(first, "TIFF", save_all=True, append_images=[second])

    pages, facts = read(write("fax.tif", content))

    assert [page.text for page in pages] == ["The first page", "The second page"]
    assert facts["ocr_pages"] == 2


def test_photo_is_turned_as_its_camera_noted(write):
    need_ocr()
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    photo = encoded(drawn().rotate(90, expand=True), "JPEG", exif=exif)

    pages, _ = read(write("photo.jpg", photo))

    assert words(pages[0].text) == " ".join(TEXT)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "I;16", "F"])
def test_image_of_any_colours_is_read(write, mode):
    need_ocr()
    grey = drawn()
    if mode == "I;16":
        from PIL import Image

        image = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    elif mode in ("LA", "RGBA"):
        # Black letters on nothing.
        image = grey.point(lambda value: 0).convert(mode)
        image.putalpha(grey.point(lambda value: 255 - value))
    else:
        image = grey.convert(mode)

    pages, _ = read(write("image.tif", encoded(image, "TIFF")))

    assert words(pages[0].text) == " ".join(TEXT)


def test_image_without_text_says_so(write):
    need_ocr()
    from PIL import Image

    pages, facts = read(write("white.png", encoded(Image.new("L", (300, 200), 255))))

    assert pages[0].text == ""
    assert facts["note"] == "no text"


@pytest.mark.slow
def test_image_of_absurd_size_is_refused_before_it_is_decoded(write):
    need_ocr()
    from PIL import Image

    bomb = encoded(Image.new("1", (60_000, 60_000)))
    long = encoded(Image.new("1", (60_000, 10)))

    for content in (bomb, long):
        with pytest.raises(LimitExceeded, match="too large"):
            read(write("bomb.png", content))


def test_damaged_image_is_refused(write):
    need_ocr()
    content = encoded(drawn())

    with pytest.raises(Unreadable, match="damaged or cut short"):
        read(write("cut.png", content[: len(content) // 2]))


def test_image_is_refused_without_an_engine(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", None)

    with pytest.raises(Unreadable, match=r"a PNG image.*docprogress\[ocr\]"):
        read(write("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 50))


def test_requested_engine_must_be_installed(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    monkeypatch.setenv("PATH", "")
    scan = write("scan.pdf", scanned_pdf(drawn()))

    for settings in ({"ocr": "always"}, {"ocr_engine": "tesseract"}):
        with pytest.raises(SettingsError):
            read(scan, **settings)


def test_pages_that_were_kept_are_not_recognised_again(write):
    need_ocr()
    scan = write("scan.pdf", scanned_pdf(drawn(), drawn()))
    started, made = [], []

    with extract(scan, settings=load()) as extraction:
        recognition = extraction.recognition
        recognition.load_kept = lambda key: {
            1: Page(number=1, text=f"kept by {key.split()[0]}", confidence=0.5)
        }
        recognition.on_start = lambda number: started.append((number, recognition.left))
        recognition.on_recognised = made.append
        pages = list(extraction)

    assert pages[0].text == "kept by rapidocr"
    assert started == [(2, 1)]
    assert made == [pages[1]]
    assert extraction.facts["ocr_pages"] == 2


def test_worker_processes_share_the_cores():
    cores = load().processes

    assert engines.threads_of(load(workers=cores)) == 1
    assert engines.threads_of(load(workers=2 * cores)) == 1
    assert engines.threads_of(load(workers=1)) == cores


def test_interrupted_work_is_abandoned_at_once():
    background = Background()
    at_work, go_on = threading.Event(), threading.Event()
    ended = []

    def work(check):
        at_work.set()
        go_on.wait(patient(10))
        try:
            check()
        finally:
            ended.append(True)

    def interrupt():
        at_work.wait(patient(10))
        os.kill(os.getpid(), signal.SIGUSR1)

    def raise_interrupted(*_):
        raise InterruptedError

    before = signal.signal(signal.SIGUSR1, raise_interrupted)
    try:
        threading.Thread(target=interrupt).start()
        began = time.monotonic()
        with pytest.raises(InterruptedError):
            background.run(work)
        assert time.monotonic() - began < patient(5)
        assert not ended
    finally:
        signal.signal(signal.SIGUSR1, before)
    go_on.set()
    eventually(lambda: ended)

    assert background.run(lambda check: "next") == "next"


def line(left, top, text, width=200):
    return Line(left=left, top=top, right=left + width, bottom=top + 10, text=text)


def test_columns_are_read_one_after_the_other():
    columns = [line(x, 20 * y, f"{x}/{y}") for y in range(4) for x in (0, 300)]
    title = line(0, -40, "title", width=500)

    assert in_reading_order([*columns, title]).split() == [
        "title",
        *(f"{x}/{y}" for x in (0, 300) for y in range(4)),
    ]


def test_table_is_read_row_by_row():
    cells = [
        line(x, 20 * y, f"{x}/{y}", width=30 + 70 * (y == 0))
        for y in range(4)
        for x in (0, 300)
    ]

    assert in_reading_order(cells).split("\n") == [f"0/{y} 300/{y}" for y in range(4)]


def test_larger_distance_begins_a_paragraph():
    lines = [line(0, top, str(top)) for top in (0, 14, 28, 60, 74)]

    assert in_reading_order(lines) == "0\n14\n28\n\n60\n74"


UNMAPPED = """%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 600 200]/Contents 4 0 R
/Resources<</Font<</F 5 0 R>>>>>> endobj
4 0 obj <</Length {length}>> stream
{content}
endstream endobj
5 0 obj <</Type/Font/Subtype/Type3/FontBBox[0 0 10 10]/FontMatrix[.1 0 0 .1 0 0]
/CharProcs<</a 6 0 R>>/Encoding<</Type/Encoding/Differences[1/a/a/a/a/a/a/a/a]>>
/FirstChar 1/LastChar 8/Widths[9 9 9 9 9 9 9 9]>> endobj
6 0 obj <</Length 29>> stream
9 0 0 0 8 8 d1 0 0 8 8 re f
endstream endobj
trailer <</Root 1 0 R>>
"""


@pytest.mark.parametrize("character", ["\ufffd", "\ue012", "\x02"])
def test_text_without_a_meaning_is_garbage(character):
    assert is_garbage(f"{character * 60} 12")
    assert not is_garbage(f"{character} an item of a list, and its bullet")


def test_letters_that_no_font_explains_are_recognised(write):
    need_ocr()
    content = "BT /F 12 Tf 50 100 Td <" + "0102030405060708" * 20 + "> Tj ET"
    pdf = UNMAPPED.format(length=len(content), content=content).encode()

    _, facts = read(write("type3.pdf", pdf))

    assert facts["ocr_pages"] == 1


def test_tesseract_is_used_on_request(write):
    if not engines.installed("tesseract"):
        lacking("there is no tesseract on this machine")

    pages, facts = read(write("a.png", encoded(drawn())), ocr_engine="tesseract")

    assert words(pages[0].text) == " ".join(TEXT)
    assert 0.5 < facts["confidence"] <= 1
    assert facts["ocr_engine"].startswith("tesseract")


def test_language_that_tesseract_lacks_is_named(write):
    if not engines.installed("tesseract"):
        lacking("there is no tesseract on this machine")

    with pytest.raises(SettingsError, match="no data for xyz"):
        read(
            write("a.png", encoded(drawn())),
            ocr_engine="tesseract",
            ocr_languages=["xyz"],
        )


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="/proc is Linux's")
def test_engine_sends_no_usage_reports(tmp_path):
    need_ocr()
    code = (
        "import os, numpy\n"
        "from docprogress.steps.ocr.rapidocr import engine\n"
        "blank = numpy.full((64, 64, 3), 255, numpy.uint8)\n"
        "engine(threads=1).recognise(blank, dpi=200)\n"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}

    subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | home,
        check=True,
        timeout=patient(60),
    )

    assert list(tmp_path.rglob("*")) == []

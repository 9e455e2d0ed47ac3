"""Members that are no documents are left out and named; damaged documents fail."""

import gzip
import io
import sqlite3
from email.message import EmailMessage

import pytest
from PIL import Image
from support.archives import tarred, zipped
from support.bench import Bench

from docprogress.events import Status
from docprogress.steps.ocr import engine

MP3 = b"\xff\xfb\x90\x64" + bytes(range(256)) * 20
EXE = b"MZ\x90\0\3\0\0\0" + bytes(range(256)) * 20
WAVE = b"RIFF\x24\x08\0\0WAVEfmt " + bytes(range(256)) * 20
VIDEO = b"\0\0\0\x20ftypisom" + bytes(range(256)) * 20
FONT = b"\0\1\0\0\0\x0f\0\x80" + bytes(range(256)) * 20


def png():
    made = io.BytesIO()
    Image.new("L", (40, 20), 255).save(made, "PNG")
    return made.getvalue()


def database(folder):
    path = folder / "d.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    return path.read_bytes()


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


@pytest.fixture
def without_ocr(monkeypatch):
    monkeypatch.setattr(engine, "installed", lambda _: False)


def test_members_that_are_no_documents_are_left_out_and_named(bench, tmp_path):
    others = [
        *(("music/song.mp3", MP3), ("setup.exe", EXE), ("call.wav", WAVE)),
        *(("film", VIDEO), ("letters.ttf", FONT), ("data.bin", database(tmp_path))),
        ("empty", b""),
    ]
    bench.submit(
        ("a.zip", zipped([*others, ("kept.txt", "kept")])),
        ("t.tgz", tarred([*others, ("kept.txt", b"kept")], mode="w:gz")),
    )

    bench.work()

    assert bench.texts() == {"a.zip/kept.txt": "kept", "t.tgz/kept.txt": "kept"}
    for row in (bench.rows()["a.zip"], bench.rows()["t.tgz"]):
        assert row.status is Status.COMPLETED
        assert row.message == (
            "Completed: 1 member; left out: 7 files that are no documents"
        )
        names = "music/song.mp3, setup.exe, call.wav, film, letters.ttf, data.bin"
        assert row.metadata["warnings"] == [
            f"left out: 7 files that are no documents: {names}, empty"
        ]
        assert row.metadata["left_out"] == 7
        assert row.metadata["left_out_members"] == [name for name, _ in others]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("contract.pdf", b"%PDF-1.7 cut short"),
        ("contract.pdf", MP3),
        ("report.docx", zipped([("x", "y")])[:40]),
        ("table.xlsx", b""),
        ("notes.txt", FONT),
        ("unnamed", b"%PDF-1.7 cut short"),
        ("scans.rar", b"Rar!\x1a\x07\x01\0" + bytes(99)),
        ("page.djvu", b"AT&TFORM\0\0\0\0DJVU" + bytes(99)),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
    ],
)
def test_members_that_look_like_documents_fail_if_they_cannot_be_read(
    bench, name, content
):
    bench.submit(("a.zip", zipped([(name, content)])))

    bench.work()

    assert bench.rows()[f"a.zip/{name}"].status is Status.FAILED
    assert "warnings" not in bench.rows()["a.zip"].metadata


def test_a_text_whose_name_promises_nothing_is_read(bench):
    text = "# Größe\n" + "Zeile für Zeile\n" * 9_000
    files = [("Makefile", text.encode()), ("run.log", text.encode("utf-16"))]
    bench.submit(
        ("a.zip", zipped([*files, ("latin", "caf\xe9 noir".encode("cp1252"))]))
    )

    bench.work()

    texts = bench.texts()
    assert texts["a.zip/Makefile"] == texts["a.zip/run.log"] == text
    assert texts["a.zip/latin"] == "café noir"


def test_attachments_that_are_no_documents_are_left_out(bench):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@b.example", "c@d.example", "Files"
    mail.set_content("See the files.")
    mail.add_attachment(b"the text", "text", "plain", filename="kept.txt")
    mail.add_attachment(MP3, "audio", "mpeg", filename="song.mp3")
    mail.add_attachment(b"\x30\x82\x0a" + MP3, "application", "pkcs7", filename="s.p7s")
    bench.submit(("m.eml", mail.as_bytes()))

    bench.work()

    rows = bench.rows()
    assert {name: row.status for name, row in rows.items()} == {
        "m.eml": Status.COMPLETED,
        "m.eml/kept.txt": Status.COMPLETED,
    }
    assert rows["m.eml"].message.endswith(
        "; 1 attachment; left out: 2 files that are no documents"
    )
    assert rows["m.eml"].metadata["warnings"] == [
        "left out: 2 files that are no documents: song.mp3, s.p7s"
    ]
    assert rows["m.eml"].title == "Files"


def test_a_message_with_nothing_but_sounds_completes(bench):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@b.example", "c@d.example", "Files"
    mail.set_content("Listen.")
    mail.add_attachment(MP3, "audio", "mpeg", filename="song.mp3")
    bench.submit(("m.eml", mail.as_bytes()))

    bench.work()

    [row] = bench.rows().values()
    assert row.message.endswith("chunk; left out: 1 file that is no document")


def test_images_are_left_out_where_nothing_recognises_their_text(bench, without_ocr):
    files = [("a.png", png()), ("photo", png()), ("b.jpg", b""), ("k.txt", "kept")]
    bench.submit(("a.zip", zipped(files)))

    bench.work()

    assert bench.texts() == {"a.zip/k.txt": "kept"}
    assert bench.rows()["a.zip"].metadata["warnings"] == [
        (
            "left out: 3 images, whose text is not read: "
            "pip install 'docprogress[ocr]': a.png, photo, b.jpg"
        )
    ]


def test_a_document_with_the_name_of_an_image_is_read_without_ocr(bench, without_ocr):
    bench.submit(("a.zip", zipped([("scan.png", "really a text")])))

    bench.work()

    assert bench.texts() == {"a.zip/scan.png": "really a text"}


def test_images_are_left_out_if_ocr_is_off(bench):
    bench.submit(("a.zip", zipped([("a.png", png())])), ocr="never")

    bench.work()

    [row] = bench.rows().values()
    assert (
        row.note
        == "0 members; left out: 1 image, whose text is not read: ocr is 'never'"
    )


def test_images_that_are_damaged_fail_where_text_is_recognised(bench, monkeypatch):
    monkeypatch.setattr(engine, "installed", lambda _: True)
    bench.submit(("a.zip", zipped([("a.png", b"no image" * 99 + bytes(99))])))

    bench.work()

    assert bench.rows()["a.zip/a.png"].status is Status.FAILED


def test_a_compressed_file_that_is_no_document_fails(bench):
    bench.submit(("song.mp3.gz", gzip.compress(MP3)))

    bench.work()

    assert bench.rows()["song.mp3.gz/song.mp3"].status is Status.FAILED


def test_a_member_that_takes_a_password_is_judged_by_its_name(bench):
    import pyzipper

    packed = io.BytesIO()
    with pyzipper.AESZipFile(packed, "w", encryption=pyzipper.WZ_AES) as file:
        file.setpassword(b"secret")
        for name in ("song.mp3", "m.txt", "unknown"):
            file.writestr(name, MP3)
    bench.submit(("a.zip", packed.getvalue()))

    bench.work()

    assert {name for name, row in bench.rows().items() if row.error} == {
        "a.zip/m.txt",
        "a.zip/unknown",
    }


def test_many_names_are_counted(bench):
    bench.submit(("a.zip", zipped([(f"{n:02}.mp3", MP3) for n in range(12)])))

    bench.work()

    [warning] = bench.rows()["a.zip"].metadata["warnings"]
    assert warning.endswith(
        "documents: 00.mp3, 01.mp3, 02.mp3, 03.mp3, 04.mp3, 05.mp3, "
        "06.mp3, 07.mp3, 08.mp3, 09.mp3 and 2 more"
    )


def test_members_that_are_left_out_count_towards_the_limit(bench):
    files = [(f"{n}.mp3", MP3) for n in range(4)]
    bench.submit(("a.zip", zipped(files)), max_members=3)

    bench.work()

    assert "more than 3 members" in bench.rows()["a.zip"].error

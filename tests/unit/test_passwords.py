"""Encrypted documents are opened with the passwords that were given."""

import io
import struct
import zipfile

import olefile
import pypdf
import pytest
import pyzipper
import xlwt
from docx import Document as Word
from msoffcrypto.format.ooxml import OOXMLFile
from reportlab.pdfgen import canvas
from support.archives import zipped
from support.old_encryption import encrypted_workbook, protected_workbook
from support.ole_files import ole_file

from docprogress.documents import Document
from docprogress.errors import PasswordNeeded, SettingsError, Unreadable
from docprogress.settings import load
from docprogress.steps.containers import ZIP, blocks, members
from docprogress.steps.extract import extract

SECRET = "Sesam öffne dich"


def read(tmp_path, name, content, *passwords, **settings):
    path = tmp_path / "document"
    path.write_bytes(content)
    document = Document(id="1", name=name, path=path, size=len(content))
    with extract(document, settings=load(passwords=list(passwords), **settings)) as got:
        return " ".join(page.text for page in got).strip()


def pdf(user, *, algorithm="AES-256", owner="owner"):
    content = io.BytesIO()
    drawing = canvas.Canvas(content)
    drawing.drawString(72, 700, "the secret text")
    drawing.save()
    writer = pypdf.PdfWriter(clone_from=content)
    writer.encrypt(user, owner, algorithm=algorithm)
    encrypted = io.BytesIO()
    writer.write(encrypted)
    return encrypted.getvalue()


def docx(password):
    plain, encrypted = io.BytesIO(), io.BytesIO()
    document = Word()
    document.add_paragraph("the secret text")
    document.save(plain)
    OOXMLFile(plain).encrypt(password, encrypted)
    return encrypted.getvalue()


@pytest.mark.parametrize("engine", ["auto", "pdfium", "pypdf"])
@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_pdf_is_opened_with_one_of_the_passwords(tmp_path, engine, algorithm):
    content = pdf("sesame", algorithm=algorithm)

    text = read(tmp_path, "a.pdf", content, "wrong", "sesame", pdf_engine=engine)

    assert text == "the secret text"


@pytest.mark.parametrize("engine", ["auto", "pdfium", "pypdf"])
def test_a_pdf_with_an_empty_user_password_needs_none(tmp_path, engine):
    text = read(tmp_path, "a.pdf", pdf(""), pdf_engine=engine)

    assert text == "the secret text"


def test_an_office_document_is_opened_with_one_of_the_passwords(tmp_path):
    text = read(tmp_path, "a.docx", docx(SECRET), "wrong", SECRET)

    assert text == "the secret text"


def test_no_decrypted_copy_is_left(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))

    read(tmp_path, "a.docx", docx(SECRET), SECRET)

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [pdf("sesame"), docx("sesame")])
@pytest.mark.parametrize("passwords", [(), ("wrong",)])
def test_the_error_says_how_to_give_a_password(tmp_path, content, passwords):
    with pytest.raises(PasswordNeeded) as raised:
        read(tmp_path, "a.file", content, *passwords)

    message = str(raised.value)
    assert message.startswith("a.file: the ")
    assert message.endswith(
        "is encrypted and needs a password; give it to run.retry(passwords=[…])"
    )
    assert "wrong" not in message


def test_a_damaged_encrypted_document_is_no_endless_matter(tmp_path):
    content = docx("sesame")

    for cut in range(600, len(content), len(content) // 7):
        with pytest.raises(Exception, match=r"a\.docx: "):
            read(tmp_path, "a.docx", content[:cut], "sesame")


def aes_zip(password):
    content = io.BytesIO()
    with pyzipper.AESZipFile(
        content, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(password.encode())
        archive.writestr("a.txt", "the secret text")
    return content.getvalue()


def zip_crypto(password, content=b"the secret text"):
    """A ZIP archive in the old encryption, which the standard library only reads."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        table.append(value)

    def crc(byte, value):
        return (value >> 8) ^ table[(value ^ byte) & 0xFF]

    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte):
        keys[0] = crc(byte, keys[0])
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[1] >> 24, keys[2])

    def encrypt(data):
        for byte in data:
            key = keys[2] | 2
            yield byte ^ (((key * (key ^ 1)) >> 8) & 0xFF)
            update(byte)

    plain = bytearray(zipped([("a.txt", content)], method=zipfile.ZIP_STORED))
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        check = archive.getinfo("a.txt").CRC >> 24
    for byte in password.encode():
        update(byte)
    secret = bytes(encrypt(bytes(11) + bytes([check]) + content))
    at = plain.index(content)
    packed = plain[:at] + secret + plain[at + len(content) :]
    directory = packed.index(b"PK\x01\x02")
    for flags, size in ((6, 18), (directory + 8, directory + 20)):
        packed[flags] |= 1
        packed[size : size + 4] = len(secret).to_bytes(4, "little")
    end = packed.index(b"PK\x05\x06")
    packed[end + 16 : end + 20] = directory.to_bytes(4, "little")
    return bytes(packed)


def unpacked(tmp_path, content, *passwords):
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    document = Document(id="1", name="a.zip", path=path, size=len(content))
    settings = load(passwords=list(passwords))
    with members(document, settings=settings, media_type=ZIP) as found:
        return {each.name: b"".join(blocks(each, each.name)) for each in found}


@pytest.mark.parametrize("pack", [aes_zip, zip_crypto])
def test_a_member_of_an_archive_is_opened_with_one_of_the_passwords(tmp_path, pack):
    found = unpacked(tmp_path, pack("sesame"), "wrong", "sesame")

    assert found == {"a.txt": b"the secret text"}


@pytest.mark.parametrize("pack", [aes_zip, zip_crypto])
def test_a_member_without_its_password_says_that_it_needs_one(tmp_path, pack):
    with pytest.raises(PasswordNeeded, match="needs a password"):
        unpacked(tmp_path, pack("sesame"), "wrong")


def test_a_wrong_password_that_fits_by_chance_is_not_taken_for_the_right_one(tmp_path):
    content = zip_crypto("sesame")
    wrong = [f"wrong-{n}" for n in range(600)]

    assert unpacked(tmp_path, content, *wrong, "sesame") == {
        "a.txt": b"the secret text"
    }
    with pytest.raises(PasswordNeeded):
        unpacked(tmp_path, content, *wrong)


def test_passwords_are_hidden_wherever_settings_are_shown(monkeypatch):
    settings = load(passwords=[SECRET])
    copied = load().model_copy(update={"passwords": [SECRET]})

    for shown in (settings, copied):
        assert shown.passwords == [SECRET]
        texts = (repr(shown), str(shown), shown.model_dump_json(), str(dict(shown)))
        assert not any(SECRET in text or "Sesam" in text for text in texts)
        assert SECRET not in str(shown.model_dump())

    monkeypatch.setenv("DOCPROGRESS_PASSWORDS", f'["{SECRET}", "b"]')
    assert load().passwords == [SECRET, "b"]
    monkeypatch.setenv("DOCPROGRESS_PASSWORDS", SECRET)
    with pytest.raises(SettingsError) as raised:
        load()
    assert "Sesam" not in str(raised.value)


def old_workbook(password, *, crypto_api):
    book, plain = xlwt.Workbook(), io.BytesIO()
    for name in ("One", "Two"):
        book.add_sheet(name).write(0, 0, f"the secret text of {name}")
    book.save(plain)
    with olefile.OleFileIO(plain) as file:
        stream = file.openstream("Workbook").read()
    encrypted = encrypted_workbook(stream, password, crypto_api=crypto_api)
    assert b"secret" not in encrypted
    return ole_file({"Workbook": encrypted})


@pytest.mark.parametrize("crypto_api", [False, True])
def test_an_old_workbook_is_opened_with_one_of_the_passwords(tmp_path, crypto_api):
    content = old_workbook("sesame", crypto_api=crypto_api)

    text = read(tmp_path, "a.xls", content, "wrong", "sesame")

    assert "the secret text of One" in text
    assert "the secret text of Two" in text


@pytest.mark.parametrize("crypto_api", [False, True])
def test_an_old_workbook_without_its_password_needs_one(tmp_path, crypto_api):
    with pytest.raises(PasswordNeeded, match=r"^a\.xls: .*password"):
        read(tmp_path, "a.xls", old_workbook("x", crypto_api=crypto_api), "wrong")


def test_an_old_workbook_that_is_only_protected_needs_no_password(tmp_path):
    content = old_workbook("VelvetSweatshop", crypto_api=True)

    assert "the secret text of One" in read(tmp_path, "a.xls", content)


def test_an_old_workbook_whose_chain_of_sectors_is_a_circle_is_damaged(tmp_path):
    content = bytearray(protected_workbook())
    table, directory = (struct.unpack_from("<I", content, at)[0] for at in (76, 48))
    (start,) = struct.unpack_from("<I", content, 512 * (directory + 1) + 116)
    if start == 0xFFFFFFFE:
        start = 0
        struct.pack_into("<I", content, 512 * (directory + 1) + 116, start)
    struct.pack_into("<I", content, 512 * (table + 1) + 4 * start, start)

    with pytest.raises(Unreadable, match=r"^a\.xls: .* damaged"):
        read(tmp_path, "a.xls", bytes(content))

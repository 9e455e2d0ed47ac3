"""Detect a file's type from its content; its name is only a hint."""

import io
import re
import struct
import zipfile
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.steps import containers, image_types, ole, text, textual
from docprogress.steps.delimited import FEWEST_ROWS, find_dialect
from docprogress.steps.extraction import Reader
from docprogress.steps.packages import package_type

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_ODF = "application/vnd.oasis.opendocument"
ODT, ODP, ODG = f"{_ODF}.text", f"{_ODF}.presentation", f"{_ODF}.graphics"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
RTF = "application/rtf"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLSM = "application/vnd.ms-excel.sheet.macroEnabled.12"
XLSB = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
XLS = "application/vnd.ms-excel"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
EPUB = "application/epub+zip"
CSV = "text/csv"
TSV = "text/tab-separated-values"

#: The module that reads each type.
_READERS = {
    PDF: "pdf",
    DOCX: "docx",
    PPTX: "pptx",
    RTF: "rtf",
    DOC: "legacy",
    PPT: "ppt",
    ODT: "odt",
    f"{ODT}-master": "odt",
    f"{ODT}-web": "odt",
    f"{ODT}-flat-xml": "odt",
    ODP: "odp",
    ODG: "odp",
    f"{ODP}-flat-xml": "odp",
    f"{ODG}-flat-xml": "odp",
    textual.HTML: "html",
    textual.XHTML: "html",
    textual.MARKDOWN: "text",
    textual.PLAIN: "text",
    textual.JSON: "text",
    textual.JSON_LINES: "text",
    textual.XML: "text",
    textual.RST: "text",
    textual.ORG: "text",
    textual.ASCIIDOC: "text",
    textual.TEX: "text",
    textual.CALENDAR: "cards",
    textual.VCARD: "cards",
    EPUB: "epub",
    textual.EML: "mail",
    textual.MBOX: "mbox",
    textual.MSG: "outlook",
    textual.TNEF: "tnef",
    textual.MHTML: "mhtml",
    textual.NOTEBOOK: "notebook",
    XLSX: "xlsx",
    XLSM: "xlsx",
    XLSB: "xlsb",
    ODS: "ods",
    **dict.fromkeys(containers.ARCHIVES, "archive"),
    XLS: "xls",
    CSV: "delimited",
    TSV: "delimited",
    **dict.fromkeys(image_types.TYPES, "image"),
}

#: Bytes at the beginning of a file that are examined.
HEAD = 64 * 1024

#: The last position of a PDF's header.
PDF_HEADER = 1024
_PDF_MARK = b"%PDF-"

#: The maximum number of bytes of a ZIP file's central directory: about 80,000 entries,
#: where a DOCX has about twenty. `zipfile` needs ten times as much memory for it.
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024

_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_PDF_OBJECT = re.compile(rb"(?:^|[\r\n])\d+ \d+ obj\b")

_EXPECTED = {".pdf": "a PDF", ".docx": "a Word document (DOCX)"}

_DELIMITED = {".csv": CSV, ".tsv": TSV, ".tab": TSV}

_SAVE_AS = "save it as PDF, DOCX, HTML or plain text"
_UNPACK = "unpack it and submit its contents"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (rb"AT&TFORM.{4}DJV", "a DjVu document", "save it as PDF"),
    (rb".{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI ", "a video", "hand in its transcript"),
    (rb"ID3|OggS|fLaC|RIFF.{4}WAVE", "an audio file", "hand in its transcript"),
    (rb"%!PS", "a PostScript file", "convert it to PDF (`ps2pdf`)"),
    (rb"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (rb"\x7fELF|MZ.{0,128}\0|\xcf\xfa\xed\xfe", "a program", "hand in documents"),
    (rb"\xca\xfe\xba\xbe", "a program", "hand in documents"),
    (rb"SQLite format 3\0", "an SQLite database", "export its text"),
    (rb"PAR1", "a Parquet file", "export its text"),
)
#: Those of them that a person does not expect to be read.
_NO_DOCUMENTS = frozenset(
    ("a video", "an audio file", "a program", "an SQLite database", "a Parquet file")
)
#: An OpenDocument file that is one XML file.
_FLAT = (
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,256}>\s*)?<office:document\s[^>]*?"
    rb"office:mimetype=[\"']application/vnd\.oasis\.opendocument\."
)
_SIGNATURES = tuple(
    (re.compile(pattern, re.DOTALL), what, way) for pattern, what, way in _MAGIC
)

_BY_SIGNATURE = tuple(
    (re.compile(pattern, re.DOTALL), media_type)
    for pattern, media_type in (
        (rb"(?:\xef\xbb\xbf)?\s{0,64}\{\\rtf", RTF),
        (_FLAT + rb"text\b", f"{ODT}-flat-xml"),
        (_FLAT + rb"presentation\b", f"{ODP}-flat-xml"),
        (_FLAT + rb"graphics\b", f"{ODG}-flat-xml"),
        *image_types.SIGNATURES,
        (rb"\x1f\x8b\x08", containers.GZIP),
        (rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", containers.BZIP2),
        (rb"\xfd7zXZ\0", containers.XZ),
        (rb".{257}ustar", containers.TAR),
        (rb"\x78\x9f\x3e\x22", textual.TNEF),
        # Excel 2 to 4 wrote no container.
        (rb"\x09[\0\x02\x04][\x04\x06\x08]\0.{2}\x10\0", XLS),
    )
)

#: All of them at once: most texts have none, which one search finds out.
_ANY_SIGNATURE = re.compile(
    b"|".join(
        b"(?:" + pattern.pattern + b")"
        for pattern in (
            *(one[0] for one in _BY_SIGNATURE),
            *(one[0] for one in _SIGNATURES),
        )
    ),
    re.DOTALL,
)

_OLE_STREAMS = (("WordDocument", DOC), ("PowerPoint Document", PPT))
_ZIPPED = (
    (r"xl/", "a damaged Excel workbook", "save it again"),
    (r"ppt/", "a damaged PowerPoint presentation", "save it again"),
    (r"content\.xml", "an OpenDocument file", "save it as DOCX or PDF"),
    (r"META-INF/MANIFEST\.MF", "a Java archive", "hand in documents"),
)


def read_head(document: Document) -> bytes:
    """The first bytes of a document, which determine its type.

    Raises:
        OSError: The file cannot be opened.
    """
    with document.path.open("rb", buffering=0) as file:
        return file.read(HEAD)


def media_type(document: Document, head: bytes | None = None) -> str:
    """Detect the media type of a document from its content.

    Args:
        document: The document.
        head: Its first bytes, if they have been read.

    Raises:
        Unreadable: Its type is not supported; the message says what it is and what to
            do about it.
        LimitExceeded: It is a ZIP file with far too many entries.
        OSError: The file cannot be opened.
    """
    name, suffix = document.name, document.path.suffix.lower()
    suffix = "." + name.rsplit(".", 1)[-1].lower() if "." in name else suffix
    head = read_head(document) if head is None else head
    if not head:
        raise Unreadable(f"{name}: the file is empty")
    found = _binary(name, suffix, head, document.path)
    if isinstance(found, str):
        return found
    if found is not None:
        raise _unsupported(name, suffix, *found)
    return _textual(name, suffix, head)


def _binary(
    name: str, suffix: str, head: bytes, path: Path
) -> str | tuple[str, str] | None:
    """The media type of a binary file; what it is, if it has no reader."""
    # Before PDFs, since an archive may begin with one.
    if head.startswith(_ZIP_SIGNATURES):
        with path.open("rb") as file:
            return _inside_zip(name, file)
    signed = _ANY_SIGNATURE.match(head) is not None
    for pattern, kind in _BY_SIGNATURE if signed else ():
        if pattern.match(head):
            return kind
    if _is_pdf(head, suffix):
        return PDF
    if head.startswith(ole.SIGNATURE):
        with path.open("rb") as file:
            return _inside_ole(file, head, suffix)
    for pattern, what, way in _SIGNATURES if signed else ():
        if pattern.match(head):
            return what, way
    return None


def signed_type(head: bytes) -> str | None:
    """The media type of a file whose first bytes alone say it; None otherwise."""
    if _PDF_MARK in head[:PDF_HEADER]:
        return PDF
    return next((kind for pattern, kind in _BY_SIGNATURE if pattern.match(head)), None)


def is_package(head: bytes) -> bool:
    """Whether a file is a ZIP or an OLE file, which may be documents of many kinds."""
    return head.startswith((*_ZIP_SIGNATURES, ole.SIGNATURE))


def is_no_document(head: bytes) -> bool:
    """Whether a file begins like a video, a sound, a program or a database."""
    return any(
        what in _NO_DOCUMENTS and pattern.match(head)
        for pattern, what, _ in _SIGNATURES
    )


def is_binary(head: bytes) -> bool:
    """Whether a file that no signature fits is binary data and not a text."""
    known = any(pattern.match(head) for pattern, _, _ in _SIGNATURES)
    return not known and text.decode(head) is None


@cache
def reader(kind: str) -> Reader:
    """The function that reads a supported media type."""
    module = import_module(f"docprogress.steps.readers.{_READERS[kind]}")
    read: Reader = module.read
    return read


def _is_pdf(head: bytes, suffix: str) -> bool:
    place = head.find(_PDF_MARK, 0, PDF_HEADER + len(_PDF_MARK))
    if place < 0:
        return False
    # A text file may mention `%PDF-` in its first lines.
    return not head[:place].strip(b"\xef\xbb\xbf\0 \t\r\n") or (
        suffix not in (*textual.SUFFIXES, *textual.MIXED_SUFFIXES)
    )


def _textual(name: str, suffix: str, head: bytes) -> str:
    kind = textual.detect(suffix, head)
    if kind == textual.PLAIN and (table := _delimited(suffix, head)):
        return table
    if kind != textual.PLAIN or suffix in textual.SUFFIXES:
        return kind
    if suffix == ".pdf" and _PDF_OBJECT.search(head):
        return PDF  # without its header; its reader reports the problem
    if suffix in _EXPECTED and text.decode(head) is None:
        raise _unsupported(
            name, suffix, "binary data", "fetch or export the document again"
        )
    return kind


def _delimited(suffix: str, head: bytes) -> str | None:
    """The media type of a text file that is a table."""
    if suffix in _DELIMITED:
        return _DELIMITED[suffix]
    if suffix not in ("", ".txt", ".text"):
        return None
    lines = head[: HEAD // 4].replace(b"\0", b"").lstrip(b"\xff\xfe\xef\xbb\xbf")
    counted = lines.split(b"\n", FEWEST_ROWS)[:FEWEST_ROWS]
    if not any(all(mark in line for line in counted) for mark in (b"\t", b";", b",")):
        return None  # as nearly all texts
    dialect = find_dialect(lines.decode("utf-8", "ignore"), named=False)
    if dialect is None:
        return None
    return TSV if dialect.delimiter == "\t" else CSV


def _inside_ole(file: BinaryIO, head: bytes, suffix: str) -> str | tuple[str, str]:
    """The media type of an old Office file; or what it is, if it has no reader."""
    names = ole.root_entries(file)
    if not names:  # damaged: whatever is mentioned
        file.seek(len(head))
        data = head + file.read(16 * HEAD)
        names = {
            stream
            for stream in (
                "EncryptedPackage",
                "Book",
                "__properties_version1.0",
                *(one[0] for one in _OLE_STREAMS),
            )
            if stream.encode("utf-16-le") in data
        }
    if "EncryptedPackage" in names:
        return "an encrypted Office document", "save it without a password"
    if "Workbook" in names or "Book" in names or (not names and suffix == ".xls"):
        return XLS
    if any(name.startswith(("__properties", "__substg1.0")) for name in names):
        return textual.MSG
    for stream, media_type in _OLE_STREAMS:
        if stream in names:
            return media_type
    return "an old Office file", _SAVE_AS


def _inside_zip(name: str, file: BinaryIO) -> str | tuple[str, str]:
    """The media type of a ZIP file; what it is and what to do, if it has no reader."""
    size = _directory_size(file)
    if size > MAX_DIRECTORY_BYTES:
        raise LimitExceeded(
            f"{name}: a ZIP file whose central directory alone has {size} bytes; "
            f"it may have {MAX_DIRECTORY_BYTES} at most"
        )
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            package = package_type(archive)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise Unreadable(
            f"{name}: a ZIP-based document that is damaged or cut short ({error}); "
            "fetch or save it again"
        ) from error
    if package is not None and package in _READERS:
        return package
    for pattern, what, way in _ZIPPED:
        if any(re.match(pattern, entry) for entry in names):
            return what, way
    return containers.ZIP


def _directory_size(file: BinaryIO) -> int:
    """The size of a ZIP file's central directory, from its end record."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(0, end - 66_000))
    tail = file.read()
    file.seek(0)
    sizes = [0]
    for record in re.finditer(rb"PK\x05\x06", tail):
        start = record.start()
        if start + 22 <= len(tail):
            sizes.append(struct.unpack_from("<I", tail, start + 12)[0])
        if start >= 76 and tail[start - 20 : start - 16] == b"PK\x06\x07":  # noqa: PLR2004
            sizes.append(struct.unpack_from("<Q", tail, start - 36)[0])  # ZIP64
    return max(sizes)


def _unsupported(name: str, suffix: str, what: str, way: str) -> Unreadable:
    expected = _EXPECTED.get(suffix)
    if expected:
        return Unreadable(f"{name}: not {expected} but {what}; {way}")
    return Unreadable(f"{name}: {what}, which cannot be read; {way}")

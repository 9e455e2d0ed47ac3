"""Damaged files of each kind: a kind and a number name one mutant, everywhere the same."""

import gzip
import io
import os
import random
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw
from support.mutants import (
    BYTES,
    SAMPLES,
    TOKENS,
    Mutant,
    _piece,
    _unzipped,
    _zipped,
    change_stream,
    flip_bits,
    nest,
    splice,
)
from support.old_encryption import protected_workbook
from support.tnef import attachment, tnef

#: A folder of more seeds: real files, which are nobody's to commit.
MORE = os.environ.get("DOCPROGRESS_TEST_FUZZ_SEEDS")

#: Pictures and scans are drawn small: recognising a page takes seconds.
PICTURES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
}

XML = [
    *(b"<!DOCTYPE x [<!ENTITY lol 'x'>]>", b"&lol;", b"&#0;", b"&#xFFFF;", b"]]>"),
    *(
        b"<![CDATA[",
        b"<!--",
        b"-->",
        b"xmlns:x=''",
        b"\0",
        b"\xff\xfe",
        b"\xed\xa0\x80",
    ),
    (
        b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>"
        b"<!ENTITY c '&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;'>]>"
    ),
    b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'>",
]
OFFICE = [
    *(b'<c r="XFD1048576"><v>1</v></c>', b'<c r="A0"/>', b'<row r="1048576"/>'),
    *(b'<dimension ref="A1:XFD1048576"/>', b'<c t="s"><v>99999999</v></c>'),
    *(b'<c t="d"><v>9999-99-99</v></c>', b'<c s="4000000000"><v>1e308</v></c>'),
    *(b'<mergeCell ref="A1:XFD1048576"/>', b"<a:p><a:r><a:t>x</a:t></a:r></a:p>"),
    *(b"<p:grpSp>", b"</p:grpSp>", b"<a:tbl>", b"</a:tbl>", b'gridSpan="2147483647"'),
    *(b'Target="../../../etc/passwd"', b'Target=""', b'TargetMode="External"'),
]
OPEN = [
    *(b'table:number-columns-repeated="1073741824"', b"<text:p>", b"</text:p>"),
    *(b'table:number-rows-repeated="1048576"', b"<table:table-cell>", b"<text:s/>"),
    *(b'text:c="2147483647"', b"<text:list>", b"</text:list>", b"<draw:frame>"),
    (
        b'<table:table-row table:number-rows-repeated="99999999"><table:table-cell '
        b'table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell>'
        b"</table:table-row>"
    ),
    b'<text:s text:c="999999999"/>',
]
RTF = [
    *(b"{", b"}", b"\\", b"\\'", b"\\'zz", b"\\u-99999?", b"\\u99999999999?", b"\\uc9"),
    *(b"\\bin99999999 ", b"\\bin-1 ", b"{\\*\\x", b"\\ansicpg99999", b"\\fcharset999"),
    *(b"\\cell ", b"\\row", b"\\trowd", b"\\par", b"{\\fonttbl", b"{\\object", b"\\v"),
    *(b"{\\pict\\pngblip ", b"\\uc2147483647", b"\\u55357?", b"\x00", b"\\page"),
]
MAIL = [
    *(
        b"\r\n\r\n",
        b"\r\n",
        b"\n",
        b"\nFrom ",
        b"--",
        b"Content-Type: ",
        b'boundary=""',
    ),
    *(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n", b"charset=x-none"),
    *(b"Content-Transfer-Encoding: base64\r\n", b"=?utf-8?b?/w==?=", b"=?x?q?=ZZ?="),
    *(
        b"Content-Type: message/rfc822\r\n\r\n",
        b'filename="../../a\0b"',
        b"begin 644 a",
    ),
    *(b"Content-Transfer-Encoding: x-uuencode\r\n", b"charset=utf-16", b"=3", b"=\n"),
    *(b"filename*0*=utf-8''%ff; filename*2=x", b"Date: Mon, 99 Abc 99999 99:99 +9999"),
    *(b"Subject: =?utf-8?q?=00=0A?=\r\n", b"charset=idna", b"charset=unicode_escape"),
]
TEXT = [
    *(
        b'"',
        b"'",
        b",",
        b"\t",
        b";",
        b"\n",
        b"\r",
        b"\0",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"\n',
    ),
    *(
        b'{"cells": [',
        b'"source": 5,',
        b"1e999",
        b"NaN",
        b"\\ud800",
        b"\xff\xfe",
        b"\\",
    ),
    *(b"\x1b[2J", b"\xef\xbb\xbf", b"null", b"$" * 9, b"\\begin{x}", b"sep=;\n", b"|"),
]


def set_number(data: bytes, chance: random.Random, _: str) -> bytes:
    """Put an absurd binary number somewhere, most often near the beginning."""
    if len(data) < 16:
        return data
    form = chance.choice((">I", "<I", ">H", "<H", "<Q"))
    size = struct.calcsize(form)
    value = chance.choice((0, 1, 0x7F, 0xFF, 2 ** (8 * size) - 1, 2 ** (8 * size - 1)))
    end = len(data) - size
    place = chance.randint(0, chance.choice((min(end, 128), end)))
    return data[:place] + struct.pack(form, value) + data[place + size :]


BINARY = [*BYTES, splice, *[set_number] * 4]


def change_any_part(data: bytes, chance: random.Random, kind: str) -> bytes:
    """Damage one part of a ZIP file, which is sound around it."""
    parts = _unzipped(data)
    if not parts:
        return flip_bits(data, chance, kind)
    name = chance.choice(sorted(parts))
    parts[name] = chance.choice(INSIDE)(parts[name], chance, kind)
    return _zipped(parts, chance)


def exchange_parts(data: bytes, chance: random.Random, kind: str) -> bytes:
    """Lose parts of a ZIP file, or give some the content of others."""
    parts = _unzipped(data)
    if len(parts) < 2:
        return flip_bits(data, chance, kind)
    name, other = chance.sample(sorted(parts), 2)
    change = chance.choice(("lose", "empty", "exchange", "rename", "absolute"))
    if change == "lose":
        del parts[name]
    elif change == "empty":
        parts[name] = b""
    elif change == "exchange":
        parts[name], parts[other] = parts[other], parts[name]
    else:
        renamed = f"/../{name}" if change == "absolute" else f"{name}\n\x1b[2J"
        parts[renamed] = parts.pop(name)
    return _zipped(parts, chance)


def inflate(data: bytes, chance: random.Random, kind: str) -> bytes:
    """Repeat a piece of a part until it is enormous; packed, it is small."""
    parts = _unzipped(data)
    if not parts:
        return flip_bits(data, chance, kind)
    name = chance.choice(sorted(parts))
    begin, end = _piece(parts[name], chance, most=400)
    piece = parts[name][begin:end] or b"<a>"
    times = 24 * 2**20 // len(piece)
    parts[name] = parts[name][:begin] + piece * times + parts[name][end:]
    return _zipped(parts, random.Random(1))


def change_chunk(data: bytes, chance: random.Random, kind: str) -> bytes:
    """Damage a chunk of a PNG and correct its checksum."""
    found = list(re.finditer(rb"IHDR|IDAT|PLTE|pHYs|tEXt", data))
    if not found:
        return flip_bits(data, chance, kind)
    place = chance.choice(found).start()
    (size,) = struct.unpack(">I", data[place - 4 : place])
    body = data[place + 4 : place + 4 + size]
    body = chance.choice((set_number, flip_bits))(body, chance, kind)
    name = data[place : place + 4]
    chunk = struct.pack(">I", len(body)) + name + body
    chunk += struct.pack(">I", zlib.crc32(name + body))
    return data[: place - 4] + chunk + data[place + 8 + size :]


def change_unpacked(data: bytes, chance: random.Random, kind: str) -> bytes:
    """Damage what a compressed file holds."""
    try:
        unpacked = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return flip_bits(data, chance, kind)
    return gzip.compress(
        chance.choice([*BYTES, set_number])(unpacked, chance, kind), mtime=0
    )


INSIDE = [*BYTES, *BYTES, nest]
_ZIP = [
    *BYTES,
    splice,
    *[change_any_part] * 10,
    exchange_parts,
    exchange_parts,
    inflate,
]
_WORDS = [*BYTES, splice, nest]

CHANGES: dict[str, list[Callable[..., bytes]]] = {
    ".pdf": [*BYTES, splice, *[change_stream] * 3],
    ".png": [*BINARY, *[change_chunk] * 6],
    ".gz": [*BINARY, *[change_unpacked] * 6],
}
_KINDS = {
    **dict.fromkeys(
        (".docx", ".docm", ".dotx", ".xlsx", ".xlsm", ".pptx"), OFFICE + XML
    ),
    **dict.fromkeys((".odt", ".ods", ".odp"), OPEN + XML),
    **dict.fromkeys((".epub", ".zip", ".xml", ".xhtml", ".xlsb"), XML),
    **dict.fromkeys((".eml", ".mbox", ".mhtml"), MAIL),
    ".html": TOKENS[".html"],
    ".pdf": TOKENS[".pdf"],
    ".rtf": RTF,
}
_ZIPPED = {
    *(".docx", ".docm", ".dotx", ".xlsx", ".xlsm", ".xlsb", ".pptx"),
    *(".odt", ".ods", ".odp", ".epub", ".zip"),
}
_BINARY = {*PICTURES, ".gz", ".tnef", ".doc", ".ppt", ".xls", ".msg"}
TOKENS |= {kind: tokens for kind, tokens in _KINDS.items() if kind not in TOKENS}


class FormatBreeder:
    """Makes mutants of the samples of each kind."""

    def __init__(self) -> None:
        paths = list((SAMPLES / "samples-of-each-kind").iterdir())
        if MORE:
            paths += [path for path in sorted(Path(MORE).rglob("*")) if path.is_file()]
        self.seeds: dict[str, dict[str, bytes]] = {}
        for path in paths:
            kind = path.suffix.lower()
            small = MORE is not None or path.stat().st_size < 60_000
            if kind not in PICTURES and kind != ".eml" and small:
                self.seeds.setdefault(kind, {})[path.name] = path.read_bytes()
        for kind, name in PICTURES.items():
            self.seeds.setdefault(kind, {})[f"small{kind}"] = picture(name)
        self.seeds.setdefault(".eml", {})["mail.eml"] = re.sub(
            # Without the attached picture, which is most of it.
            rb"(?s)(filename=\"quay\.png\".*?\r\n\r\n).*?(\r\n--)",
            rb"\1iVBORw0KGgo=\2",
            (SAMPLES / "samples-of-each-kind" / "mail.eml").read_bytes(),
        )
        for name, content in small_files().items():
            kind = "." + name.rpartition(".")[2]
            self.seeds.setdefault(kind, {})[name] = content
        for kind in self.seeds:
            TOKENS.setdefault(kind, TEXT)

    @property
    def kinds(self) -> list[str]:
        return sorted(self.seeds)

    def mutant(self, kind: str, number: int) -> Mutant:
        """The mutant of this number, changed in one to four ways."""
        chance = random.Random(f"{kind}-{number}")
        seeds = self.seeds[kind]
        name = chance.choice(sorted(seeds))
        data = seeds[name]
        for _ in range(chance.choice((1, 1, 2, 4))):
            change = chance.choice(changes(kind))
            if change is splice:
                other = self.seeds[chance.choice(self.kinds)]
                data = splice(data, chance, other[chance.choice(sorted(other))])
            else:
                data = change(data, chance, kind)
        return Mutant(number, name, data)


def changes(kind: str) -> list[Callable[..., bytes]]:
    if kind in CHANGES:
        return CHANGES[kind]
    if kind in _ZIPPED:
        return _ZIP
    return BINARY if kind in _BINARY else _WORDS


def small_files() -> dict[str, bytes]:
    """Small files of kinds that the samples do not have."""
    message = {0x0037: "Subject", 0x1013: b"<p>Body</p>", 0x1000: "Body"}
    file = attachment(
        "file.txt", b"content", {0x3707: "file.txt", 0x370E: "text/plain"}
    )
    return {
        "winmail.tnef": tnef(file, file, message=message),
        "protected.xls": protected_workbook(),
        "calendar.ics": (
            b"BEGIN:VCALENDAR\r\nX-WR-CALNAME:Ferries\r\nBEGIN:VEVENT\r\n"
            b"SUMMARY:Review\\, second\r\nDTSTART;TZID=Europe/Berlin:20240506T100000\r\n"
            b'ATTENDEE;CN="Bo: x":mailto:bo@example.com\r\nDESCRIPTION:One\\nTwo\r\n'
            b" three\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        ),
        "contacts.vcf": (
            b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Lunt;Ada;;Dr.;\r\n"
            b"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BC =\r\nGro=C3=9F\r\n"
            b"ADR:;;1 Quay;Harrow;;H1;England\r\nEND:VCARD\r\n"
        ),
    }


def picture(kind: str) -> bytes:
    """A word of text, small."""
    page = Image.new("L", (160, 48), 255)
    ImageDraw.Draw(page).text((10, 8), "Ferry 55", 0, font_size=28)
    made = io.BytesIO()
    more = [page.rotate(180)] if kind in ("TIFF", "GIF") else []
    page.save(made, kind, **({"save_all": True, "append_images": more} if more else {}))
    return made.getvalue()

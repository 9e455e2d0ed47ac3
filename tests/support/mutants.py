"""Documents with damage: each number names one mutant, the same everywhere."""

import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SAMPLES = Path(__file__).parents[2] / "notebooks"

NUMBERS = [
    *(b"0", b"-1", b"1", b"255", b"256", b"65535", b"65536", b"2147483647"),
    *(b"2147483648", b"4294967295", b"4294967296", b"-2147483648"),
    *(b"9223372036854775807", b"18446744073709551616", b"9" * 40, b"1e308", b"0.1"),
]
TOKENS = {
    ".pdf": [
        *(b"<<", b">>", b"[", b"]", b"(", b")", b"<", b">", b"/", b"%", b"obj\n"),
        *(b"endobj\n", b"stream\n", b"\nendstream", b"xref\n", b"trailer\n", b"%%EOF"),
        *(b"/Filter", b"/FlateDecode", b"/LZWDecode", b"/ASCII85Decode", b"/Crypt"),
        *(b"/RunLengthDecode", b"/DecodeParms", b"/Predictor 15", b"/Columns 99999"),
        *(b"/Type/ObjStm", b"/Type/XRef", b"/Kids", b"/Count", b"/Parent", b"/Prev"),
        *(b"/Length", b"/W[1 8 8]", b"/Index", b"/Encrypt", b"/ToUnicode", b"/Font"),
        *(b"/Contents", b"/Resources", b"/XObject", b"/Size", b"/Root", b"/First"),
        *(b" Tj", b" TJ", b" Tf", b" Do", b" q", b" Q", b" BT", b" ET", b" BI ID EI"),
        *(b"null", b"true", b"startxref\n", b"1 0 R", b"2 0 R", b"3 0 R", b"#00"),
        *(b"beginbfchar", b"endbfrange", b"<0000><ffff><0000>", b"/Identity-H"),
    ],
    ".docx": [
        *(b"<w:p>", b"</w:p>", b"<w:t>", b"</w:t>", b"<w:tbl>", b"</w:tbl>", b"<w:tc>"),
        *(b"</w:tc>", b"<w:tr>", b"<w:br/>", b"<w:tab/>", b"<w:moveFrom>", b"]]>"),
        *(b"<![CDATA[", b"<!--", b"-->", b"<?xml version='1.1'?>", b"&#0;", b"&#x0;"),
        *(b"&#xFFFF;", b"&#1114112;", b"&lol;", b"<!DOCTYPE x [<!ENTITY lol 'x'>]>"),
        *(b"xmlns:w=''", b"encoding='UTF-16'", b"encoding='x'", b"\xff\xfe", b"\0"),
        *(b"<mc:Fallback>", b"</mc:Fallback>", b"\xed\xa0\x80", b"\xc0\x80"),
    ],
    ".html": [
        *(b"<div>", b"</div>", b"<p", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<!"),
        *(b"<script>", b"</script", b"<style>", b"<template>", b"</template>", b"<?"),
        *(b"<pre>", b"</pre>", b"<title>", b"</title>", b"<textarea>", b"<plaintext>"),
        *(b"<table><td>", b"<noscript>", b"<svg>", b"<a href='", b'" hidden "', b"="),
        *(b"style='display:none'", b"&#x110000;", b"&#xd800;", b"&#0;", b"&amp", b"&"),
        *(b"<meta charset=utf-7>", b"<meta charset=utf-16>", b"<meta charset=gbk>"),
        *(b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\0", b"\xed\xa0\x80", b"\x85"),
        *(b"<br>", b"<hr/", b"</", b"<", b">", b"'", b'"', b"<x:y z", b"\x1b[2J"),
    ],
}


class Mutant(NamedTuple):
    """One damaged document."""

    number: int
    name: str
    content: bytes


class Breeder:
    """Makes mutants of the samples and of small documents of its own."""

    def __init__(self) -> None:
        folders = ("samples", "samples-that-fail")
        found = [p for folder in folders for p in (SAMPLES / folder).iterdir()]
        self.seeds = {p.name: p.read_bytes() for p in found} | {
            "plain.pdf": pdf(),
            "packed.pdf": packed_pdf(),
            "circle.pdf": pdf(kids=b"[2 0 R 3 0 R 2 0 R]"),
            "small.docx": docx(),
            "nested.html": b"<div><p>word " * 300 + b"</div>" * 200,
            "wide.html": "<!doctype html><p>žluťoučký</p>".encode("utf-16"),
            "page.html": b"<html><head><title>A &amp; B</title><style>p{}</style>"
            b"<meta charset='windows-1252'></head><body hidden><pre>x\n y</pre>"
            b"<table><tr><td>1<td>2</table><script>if (a<b) {}</script>caf\xe9",
        }
        self._names = sorted(self.seeds)

    def mutant(self, number: int) -> Mutant:
        """The mutant of this number: of a seed, changed in one to four ways."""
        chance = random.Random(number)
        name = chance.choice(self._names)
        kind = _kind(name)
        data = self.seeds[name]
        for _ in range(chance.choice((1, 1, 2, 4))):
            change = chance.choice(CHANGES[kind])
            if change is splice:
                other = self.seeds[chance.choice(self._names)]
                data = splice(data, chance, other)
            else:
                data = change(data, chance, kind)
        return Mutant(number, name, data)


def flip_bits(data: bytes, chance: random.Random, _: str) -> bytes:
    flipped = bytearray(data)
    for _ in range(chance.choice((1, 4, 16)) if data else 0):
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def cut(data: bytes, chance: random.Random, _: str) -> bytes:
    """Lose the end, the beginning, or a piece of the middle."""
    begin, end = _piece(data, chance)
    return chance.choice((data[:end], data[begin:], data[:begin] + data[end:]))


def duplicate(data: bytes, chance: random.Random, _: str) -> bytes:
    begin, end = _piece(data, chance, most=10_000)
    times = chance.choice((1, 2, 50))
    return data[:end] + data[begin:end] * times + data[end:]


def exchange(data: bytes, chance: random.Random, _: str) -> bytes:
    """Put one piece in the place of another."""
    begin, end = _piece(data, chance, most=1000)
    to, until = _piece(data, chance, most=1000)
    return data[:to] + data[begin:end] + data[until:]


def overwrite(data: bytes, chance: random.Random, _: str) -> bytes:
    begin, end = _piece(data, chance, most=64)
    noise = chance.choice((b"\0", b"\xff", b" ", chance.randbytes(1))) * (end - begin)
    return data[:begin] + noise + data[end:]


def change_number(data: bytes, chance: random.Random, _: str) -> bytes:
    """Have some of the numbers that are written out say something else."""
    found = list(re.finditer(rb"(?<![\w.])\d+(?!\w)", data))
    for number in sorted(
        chance.sample(found, min(len(found), chance.choice((1, 3)))),
        key=lambda number: -number.start(),
    ):
        new = chance.choice((*NUMBERS, str(chance.randrange(300)).encode()))
        data = data[: number.start()] + new + data[number.end() :]
    return data


def insert_token(data: bytes, chance: random.Random, kind: str) -> bytes:
    for _ in range(chance.choice((1, 3))):
        place = chance.randint(0, len(data))
        token = chance.choice(TOKENS[kind]) * chance.choice((1, 1, 1, 2000))
        data = data[:place] + token + data[place:]
    return data


def splice(data: bytes, chance: random.Random, other: bytes) -> bytes:
    """Go on, from somewhere, with another document."""
    return data[: _piece(data, chance)[0]] + other[_piece(other, chance)[0] :]


def change_stream(data: bytes, chance: random.Random, kind: str) -> bytes:
    """Unpack a PDF's stream, damage what is in it, and pack it again."""
    found = list(re.finditer(rb"(?s)stream\r?\n(.*?)\r?\nendstream", data))
    if not found:
        return flip_bits(data, chance, kind)
    stream = chance.choice(found)
    try:
        content, packed = zlib.decompress(stream[1]), True
    except zlib.error:
        content, packed = stream[1], False
    content = chance.choice(CHANGES["inside"])(content, chance, kind)
    if packed:
        content = zlib.compress(content)
    changed = data[: stream.start(1)] + content + data[stream.end(1) :]
    return re.sub(
        rb"/Length %d\b" % len(stream[1]), b"/Length %d" % len(content), changed
    )


def change_part(data: bytes, chance: random.Random, kind: str) -> bytes:
    """Damage a part of a DOCX; the archive around it is sound."""
    parts = _unzipped(data)
    if not parts:
        return flip_bits(data, chance, kind)
    wanted = [p for p in parts if p.startswith("word/document")] or list(parts)
    name = chance.choice((chance.choice(wanted), chance.choice(list(parts))))
    parts[name] = chance.choice(CHANGES["inside"])(parts[name], chance, kind)
    return _zipped(parts, chance)


def change_parts(data: bytes, chance: random.Random, kind: str) -> bytes:
    """Lose, rename or exchange the parts of a DOCX."""
    parts = _unzipped(data)
    if not parts:
        return cut(data, chance, kind)
    name = chance.choice(list(parts))
    content = parts.pop(name)
    other = chance.choice(
        (None, "word/document2.xml", "word/footnotes.xml", "docProps/core.xml", "a\0b")
    )
    if other is not None:
        parts[other] = content
    return _zipped(parts, chance)


def nest(data: bytes, chance: random.Random, kind: str) -> bytes:
    """Put a piece into very many elements of a name, closed or not."""
    begin, end = _piece(data, chance, most=1000)
    name = chance.choice((b"div", b"w:p", b"table", b"b", b"template", b"x", b"pre"))
    deep = chance.choice((10, 1000, 30_000))
    closed = chance.choice((0, deep // 2, deep))
    inside = b"<%s>" % name * deep + data[begin:end] + b"</%s>" % name * closed
    return data[:begin] + inside + data[end:]


BYTES: list[Callable[..., bytes]] = [
    *(flip_bits, cut, duplicate, exchange, overwrite, change_number, insert_token),
]
CHANGES: dict[str, list[Callable[..., bytes]]] = {
    "inside": BYTES,
    ".pdf": [*BYTES, splice, change_number, change_number, *[change_stream] * 3],
    ".docx": [*BYTES, splice, *[change_part] * 8, change_parts],
    ".html": [*BYTES, splice, nest, nest],
}
# The parts of a DOCX are XML, so that elements can be nested in them as well.
CHANGES["inside"] = [*BYTES, nest]


def pdf(*, kids: bytes = b"[3 0 R]") -> bytes:
    """A PDF of one page, with nothing packed."""
    shown = b"BT /F 12 Tf 14 TL 20 300 Td (one) Tj T* [(tw) -99 (o)] TJ ET"
    return _objects(
        b"<</Type/Catalog/Pages 2 0 R/Outlines 2 0 R>>",
        b"<</Type/Pages/Kids%s/Count 1>>" % kids,
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents[4 0 R 4 0 R]"
        b"/Resources<</Font<</F 5 0 R>>/XObject<</X 4 0 R>>>>/Annots[3 0 R]>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown),
        b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 6 0 R"
        b"/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/A/W[1[9 9]]"
        b"/CIDSystemInfo<</Registry(A)/Ordering(B)/Supplement 0>>>>]>>",
        b"<</Length 97>>stream\n1 begincodespacerange<0000><ffff>endcodespacerange"
        b"\n1 beginbfrange<0000><ffff><0000>endbfrange\nendstream",
    )


def packed_pdf() -> bytes:
    """A PDF whose objects and whose table of objects are in packed streams."""
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/MediaBox[0 0 99 99]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 5 0 R/Resources<</Font<</F %s>>>>>>"
        % font,
    ]
    heads, offset = [], 0
    for number, body in enumerate(bodies, 1):
        heads.append(b"%d %d" % (number, offset))
        offset += len(body) + 1
    first = b" ".join(heads) + b"\n"
    inside = zlib.compress(first + b"\n".join(bodies) + b"\n")
    shown = zlib.compress(b"BT /F 9 Tf 9 9 Td (packed) Tj ET")
    out = b"%PDF-1.5\n"
    places = [len(out)]
    out += b"4 0 obj<</Type/ObjStm/N 3/First %d/Filter/FlateDecode/Length %d>>" % (
        len(first),
        len(inside),
    )
    out += b"stream\n%s\nendstream\nendobj\n" % inside
    places.append(len(out))
    out += b"5 0 obj<</Filter/FlateDecode/Length %d>>" % len(shown)
    out += b"stream\n%s\nendstream\nendobj\n" % shown
    places.append(len(out))
    rows = [(0, 0, 255), *((2, 4, index) for index in range(3))]
    rows += [(1, place, 0) for place in places]
    table = zlib.compress(
        b"".join(b"%c%s%c" % (k, p.to_bytes(2), i) for k, p, i in rows)
    )
    out += b"6 0 obj<</Type/XRef/Size 7/Root 1 0 R/W[1 2 1]/Filter/FlateDecode"
    out += b"/Length %d>>stream\n%s\nendstream\nendobj\n" % (len(table), table)
    return out + b"startxref\n%d\n%%%%EOF" % places[-1]


def docx() -> bytes:
    """A Word document of a few hundred bytes."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    cell = "<w:tc><w:p><w:r><w:t>cell</w:t></w:r></w:p></w:tc>"
    body = f"<w:p><w:r><w:t>one</w:t><w:tab/></w:r></w:p><w:tbl><w:tr>{cell * 2}"
    parts = {
        "[Content_Types].xml": b"<Types/>",
        "word/document.xml": f"<w:document xmlns:w='{space}'><w:body>{body}"
        "</w:tr></w:tbl></w:body></w:document>".encode(),
        "word/footnotes.xml": f"<w:footnotes xmlns:w='{space}'><w:p><w:t>note</w:t>"
        "</w:p></w:footnotes>".encode(),
        "docProps/core.xml": b"<c xmlns:d='http://purl.org/dc/elements/1.1/'><d:title>"
        b"A title</d:title></c>",
    }
    return _zipped(parts, random.Random(0))


def _kind(name: str) -> str:
    suffix = Path(name).suffix
    return suffix if suffix in CHANGES else ".html"


def _piece(data: bytes, chance: random.Random, most: int = 10**9) -> tuple[int, int]:
    begin = chance.randint(0, len(data))
    return begin, chance.randint(begin, min(len(data), begin + most))


def _objects(*bodies: bytes) -> bytes:
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(bodies) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size
    end = b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF" % (size, len(out))
    return out + head + table + end


def _unzipped(data: bytes) -> dict[str, bytes]:
    """The parts of an archive; none if an earlier change has broken it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # noqa: BLE001 - what zipfile makes of damage is not ours
        return {}


def _zipped(parts: dict[str, bytes], chance: random.Random) -> bytes:
    buffer = io.BytesIO()
    packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            # A date of its own, so that the same number makes the same bytes.
            archive.writestr(zipfile.ZipInfo(name), content, packing)
    return buffer.getvalue()

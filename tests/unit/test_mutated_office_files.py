"""Damaged office files of every kind end in pages or in a refusal that names them."""

import random
from collections import Counter
from contextlib import closing

import pytest
from support.mutants import change_part, cut, flip_bits
from support.office import (
    CHART,
    DIAGRAM,
    docx,
    flat_odf,
    odf,
    p,
    pptx,
    shape,
    slide,
    story,
)
from support.reader import Reader

RTF_WORDS = [
    *(b"{", b"}", b"\\cell", b"\\row", b"\\trowd", b"\\nestcell", b"\\nestrow"),
    *(b"\\itap9", b"\\intbl", b"\\bin50 ", b"\\u-1 ", b"\\uc99 ", b"\\'ff", b"\\upr{"),
    *(b"{\\*\\shptxt ", b"{\\footnote ", b"\\f99999", b"\\ansicpg-3", b"\\ud "),
    *(b"{\\header ", b"{\\fonttbl", b"\\cpg0", b"{\\listtext "),
]
LIST = "<text:list><text:list-item><text:p>{}</text:p></text:list-item></text:list>"
TABLE = (
    "<table:table><table:table-row><table:table-cell><text:p>cell</text:p>"
    "</table:table-cell></table:table-row></table:table>"
)
PAGE = (
    "<draw:page><draw:frame><draw:text-box>{}</draw:text-box></draw:frame></draw:page>"
)


@pytest.fixture(scope="module")
def seeds():
    text = LIST.format("item") + TABLE + "<text:p>one<text:s text:c='3'/>two</text:p>"
    return {
        "a.docx": docx(
            p("one") + "<w:tbl><w:tr><w:tc>" + p("cell") + "</w:tc></w:tr></w:tbl>"
            '<w:p><w:r><c:chart r:id="c"/><dgm:relIds r:dm="d"/></w:r></w:p>'
            '<w:sectPr><w:headerReference r:id="h"/></w:sectPr>',
            targets={
                "c": ("chart", "chart.xml"),
                "d": ("diagramData", "data.xml"),
                "h": ("header", "header1.xml"),
            },
            chart=CHART,
            data=DIAGRAM,
            header1=story(p("head")),
        ),
        "a.pptx": pptx({"a": slide(shape("Title", "title"), shape("body"))}),
        "a.odt": odf(text),
        "a.odp": odf(PAGE.format(text), kind="presentation"),
        "a.fodt": flat_odf(text),
        "a.rtf": rb"{\rtf1\ansi{\fonttbl{\f0\fcharset0 A;}}one\par\trowd\pard\intbl a\cell"
        rb"\row\pard {\listtext 1.\tab}item{\footnote note}{\pict 00}\u8364?\par}",
    }


def damaged(name, data, chance):
    for _ in range(chance.choice((1, 2, 4))):
        if name.endswith(".rtf") and chance.random() < 0.7:
            place = chance.randrange(len(data) + 1)
            data = data[:place] + chance.choice(RTF_WORDS) + data[place:]
        elif name.endswith(("rtf", "fodt")) or chance.random() < 0.15:
            data = chance.choice((flip_bits, cut))(data, chance, ".html")
        else:
            data = change_part(data, chance, ".docx")
    return data


@pytest.mark.parametrize("count", [60, pytest.param(400, marks=pytest.mark.slow)])
def test_damaged_office_files_are_read_or_refused(seeds, tmp_path, count):
    names = sorted(seeds)
    counts: Counter[str] = Counter()
    with closing(Reader()) as reader:
        for number in range(count):
            chance = random.Random(number)
            name = names[number % len(names)]
            path = tmp_path / "document"
            path.write_bytes(damaged(name, seeds[name], chance))
            outcome = reader.read(path, name)
            assert outcome.kind in ("pages", "refused"), (number, name, outcome)
            counts[f"{name} {outcome.kind}"] += 1

    assert all(counts[f"{name} pages"] for name in names), counts

"""What an RTF document shows is read in its code pages; what it hides is not."""

import pytest

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.metadata import HIDDEN_TEXT


@pytest.fixture
def read(tmp_path):
    def read(content, name="a.rtf", **settings):
        path = tmp_path / "document"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            (page,) = extraction
        return page, extraction.facts

    return read


@pytest.fixture
def lines(read):
    def lines(content, **settings):
        return read(rf"{{\rtf1\ansi\ansicpg1252 {content}}}", **settings)[0].text.split(
            "\n"
        )

    return lines


def test_paragraphs_and_special_characters_are_read(lines):
    assert lines(
        r"one\tab two\par \ldblquote three\rdblquote\~four\_five\line six"
        "\\\nseven\\{\\}\\\\ \\emdash\\par"
    ) == ["one\ttwo", "“three”\xa0four-five", "six", "seven{}\\ —"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (r"\'e9t\'e9", "été"),
        (r"\ansicpg1251 \'cf\'f0\'e8", "При"),
        (r"{\fonttbl{\f0\fcharset238 Arial;}}\f0 \'e8esk\'fd", "český"),
        (r"{\fonttbl{\f0\fcharset128 MS;}}\f0 \'93\'fa\'96\'7b", "日本"),
        (r"{\fonttbl{\f0\fcharset134 Sim;}}\f0 \'ba\'cf\'cd\'ac", "合同"),
        (r"{\fonttbl{\f0\fnil\cpg1253 X;}}\f0 \'e1\'e2", "αβ"),
        (r"{\fonttbl{\f0\fcharset2 Symbol;}}\f0 abg\f1 abg", "\u03b1\u03b2\u03b3abg"),
        (r"\ansicpg99999 caf\'e9", "café"),
        (r"\mac caf\'8e", "café"),
        (r"{\fonttbl{\f0\fcharset77777 X;}}\f0 \'e9", "é"),
        (r"\u1055\'cf\u-10179?\u-8704?", "П😀"),
        (r"\uc2\u8364 EUok\uc0\u8364 yes", "€ok€yes"),
        (r"{\uc2 {\u960 pi}}\u960?!", "ππ!"),
        (r"{\upr{ANSI}{\*\ud{\u960 ?}}}", "π"),
        (r"\u-10179?lone", "\ufffdlone"),
        (r"\'zz\'e9", "zzé"),
        (r"\u99999999?x", "\ufffdx"),
    ],
)
def test_code_pages_and_unicode_are_decoded(lines, content, text):
    assert lines(content) == [text]


def test_hidden_and_deleted_text_and_what_is_no_text_is_left_out(lines):
    assert lines(
        r"{\stylesheet{\s0 STYLE;}}{\*\generator GENERATOR;}{\info{\title T}{\doccomm C}}"
        r"shown{\v HIDDEN} \v HIDDEN\v0 again{\deleted GONE}{\*\unknown X{\b Y}}"
        r"{\pict\wmetafile8 0a0b0c}{\field{\*\fldinst CODE}{\fldrslt result}}"
        r"{\object{\*\objclass X}{\*\objdata 0a0b}{\result\plain  object}}"
        r"{\xe{INDEX}}{\*\bkmkstart B}"
    ) == ["shown againresult object"]


def test_hidden_text_that_is_left_out_is_a_warning(read):
    assert read(r"{\rtf1 a{\v HIDDEN}}")[1]["warnings"] == [HIDDEN_TEXT]
    assert "warnings" not in read(r"{\rtf1 a{\v  }\v0 {\deleted b}}")[1]


def test_binary_data_is_passed_over(read):
    content = rb"{\rtf1 a{\pict\bin9 }}}\v {{{}b{\*\blob\bin3 \'}} c}"

    page, facts = read(content)

    assert page.text == "ab c"
    assert "warnings" not in facts


def test_headers_notes_and_boxes_are_read_once(lines):
    content = (
        r"{\header Letterhead\par}{\headerf Cover}{\headerl Letterhead}{\footer 1}"
        r"Body{\footnote{\chftn} a note} goes on{\shp{\*\shpinst{\sp{\sn n}{\sv v}}"
        r"{\shptxt Boxed\par}}{\shprslt TWICE}}\par end"
    )

    assert lines(content) == [
        *("Letterhead", "Cover", "Body goes on", "Boxed", "end", " a note", "1"),
    ]


def test_comments_are_read_on_request(lines):
    content = r"text{\*\atnid A}{\*\atnauthor Ada}{\*\annotation why?} on"

    assert lines(content) == ["text on"]
    assert lines(content, include_comments=True) == ["text on", "Ada: why?"]


def test_labels_of_lists_are_read(read):
    page, _ = read(
        r"{\rtf1{\fonttbl{\f3\fcharset2 Symbol;}}"
        r"{\listtext\tab 2.1\tab}\pard\ls1\ilvl1 Rent is due\par"
        r"{\pntext\f3\'b7\tab}\pard{\*\pn\pnlvlblt}point\par\pard\outlinelevel1 Head}"
    )

    assert page.text.split("\n") == ["2.1 Rent is due", "• point", "Head"]
    assert page.markdown.endswith("- point\n\n## Head")


def test_items_keep_their_level_and_their_kind(read):
    page, _ = read(
        r"{\rtf1{\listtext\pard\plain 1.\tab}\pard\ls1 one\par"
        r"{\listtext\pard\plain a.\tab}\pard\ls1\ilvl1 deeper\par"
        r"{\listtext\pard\plain b.\tab} as deep\par"
        r"{\listtext\pard\plain\f2 o\tab}\pard\ls1\ilvl2 point\par}"
    )

    assert page.markdown.split("\n") == [
        *("1. one", "   - a. deeper", "   - b. as deep", "     - point"),
    ]


def test_tables_within_tables_keep_their_cells(read):
    inner = (
        r"\pard\intbl\itap2 x\nestcell y\nestcell{\*\nesttableprops\trowd\nestrow}"
        r"{\nonesttables TWICE\par}"
    )
    row = r"\trowd\cellx1\cellx2\pard\intbl {}\cell {}\cell\row "
    content = (
        r"{\rtf1 before\par "
        + row.format("a", r"\b b\b0  c")
        + r"\trowd\pard\intbl one\par two\cell "
        + inner
        + r"\pard\intbl z\cell\row\pard after\par}"
    )

    page, _ = read(content)

    assert page.text.split("\n")[:2] == ["before", "a\tb c"]
    assert page.text.split() == [
        "before",
        "a",
        "b",
        "c",
        "one",
        "two",
        "x",
        "y",
        "z",
        "after",
    ]
    assert page.text.endswith("\nafter")
    assert "| a | **b** c |\n| --- | --- |\n| one<br>two | x y<br>z |" in page.markdown


def test_cells_that_do_not_say_so_are_cells(lines):
    assert lines(
        r"\trowd\cellx1\cellx2 a\cell b\cell\row\trowd c\cell d\cell\row e"
    ) == [
        *("a\tb", "c\td", "e"),
    ]


def test_properties_are_kept(read):
    _, facts = read(
        r"{\rtf1{\info{\title The \'84lease\'93}{\author Ada}"
        r"{\creatim\yr2024\mo5\dy1\hr9\min5}{\revtim\yr2025}}x}"
    )

    assert (facts["title"], facts["author"]) == ("The „lease“", "Ada")
    assert facts["created"] == "2024-05-01T09:05:00"


@pytest.mark.parametrize("name", ["a.doc", "a.txt", "a.rtf"])
def test_rtf_is_recognised_with_any_name(read, name):
    page, facts = read(r"{\rtf1 text}", name=name)

    assert (page.text, facts["media_type"]) == ("text", "application/rtf")


@pytest.mark.parametrize(
    "content",
    [
        r"{\rtf1 text",
        r"{\rtf1 text{\b",
        r"{\rtf1 text{\pict\bin999999999 x}",
        r"{\rtf1 text\cell\row\nestrow\nestcell\itap9999\intbl",
    ],
)
def test_what_is_cut_short_is_read_as_far_as_it_goes(read, content):
    page, facts = read(content)

    assert page.text == "text"
    assert facts["warnings"] == ["the file seems to be cut short"]


def test_rtf_holds_to_the_limits(read):
    with pytest.raises(Unreadable, match=r"^a\.rtf: .*groups"):
        read("{\\rtf1" + "{" * 100_000)
    with pytest.raises(LimitExceeded, match="max_characters"):
        read("{\\rtf1 " + "x\\par " * 1000 + "}", max_characters=500)
    page, _ = read(
        "{\\rtf1 " + "".join(rf"\pard\intbl\itap{n} c" for n in range(5000)) + "}"
    )
    assert page.text.count("c") == 5000

"""What a PDF shows is its text, in the order in which it is read."""

import io

import pytest
from pypdf import PdfWriter
from support.pdfs import HELVETICA, line, one_page, stream, to_unicode

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract


@pytest.fixture
def read_pages(tmp_path):
    """Reads a PDF, and returns the texts of its pages and its facts."""

    def read(content, **settings):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        document = Document(id="d", name="a.pdf", path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            texts = [page.text for page in extraction]
        return texts, extraction.facts

    return read


@pytest.fixture
def read(read_pages):
    """Reads a PDF of one page, and returns its text and its facts."""

    def read(content, **settings):
        [text], facts = read_pages(content, **settings)
        return text, facts

    return read


def many_pages(*pages):
    """A PDF of the pages of several."""
    writer = PdfWriter()
    for page in pages:
        writer.append(io.BytesIO(page))
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


#: A page that has nothing unusual.
PLAIN = one_page(line(60, 700, "(Some text that everybody sees)"))


def form(content, *annotations, more=()):
    """A page with these annotations, all of which are fields of its form."""
    first = 6
    numbers = " ".join(f"{first + n} 0 R" for n in range(len(annotations)))
    return one_page(
        content,
        page=f"/Annots[{numbers}]",
        catalog=f"/AcroForm<</Fields[{numbers}]/DR<</Font<</F 5 0 R>>>>>>",
        more=[f"<</Type/Annot{annotation}>>" for annotation in annotations]
        + list(more),
    )


def widget(name, rest, *, x=150, y=695, width=200, flags=4):
    return (
        f"/Subtype/Widget/T({name})/Rect[{x} {y} {x + width} {y + 20}]/F {flags}"
        f"/DA(/F 11 Tf 0 g){rest}"
    )


def shown(text):
    return stream(
        f"BT /F 11 Tf 2 5 Td ({text}) Tj ET", "/Subtype/Form/BBox[0 0 200 20]"
    )


def test_values_of_fields_appear_once_beside_their_labels(read):
    content = line(60, 700, "(Surname:)") + line(60, 660, "(Given name:)")
    without = widget("a", "/FT/Tx/V(Smith)")
    with_one = widget("b", "/FT/Tx/V(Maria)/AP<</N 8 0 R>>", y=655)

    text, _ = read(form(content, without, with_one, more=[shown("Maria")]))

    assert text == "Surname: Smith\nGiven name: Maria"


def test_value_that_the_page_itself_shows_is_not_repeated(read):
    content = line(60, 700, "(Surname:)") + line(152, 700, "(Smith)")

    text, _ = read(form(content, widget("a", "/FT/Tx/V(Smith)")))

    assert text == "Surname: Smith"


def test_chosen_option_is_shown_by_its_label(read):
    content = line(60, 700, "(Country:)")
    combo = "/FT/Ch/Ff 131072/Opt[[(de)(Germany)][(at)(Austria)]]/V(at)"

    text, _ = read(form(content, widget("a", combo)))

    assert text == "Country: Austria"


def test_boxes_and_buttons_are_marks_before_their_labels(read):
    states = "/AP<</N<</Yes 10 0 R/Off 10 0 R>>>>"
    boxes = [
        widget("a", f"/FT/Btn/V/Yes/AS/Yes{states}", x=60, width=15),
        widget("b", f"/FT/Btn/AS/Off{states}", x=60, y=655, width=15),
        widget("c", "/FT/Btn/V/Yes", x=60, y=615, width=15),
        widget("d", f"/FT/Btn/Ff 32768/V/Yes/AS/Yes{states}", x=60, y=575, width=15),
    ]
    content = "".join(
        line(80, y, f"({label})")
        for y, label in ((700, "Agreed"), (660, "News"), (620, "Paid"), (580, "Male"))
    )

    text, _ = read(
        form(content, *boxes, more=[stream("", "/Subtype/Form/BBox[0 0 9 9]")])
    )

    assert text == "☒ Agreed\n☐ News\n☒ Paid\n☒ Male"


def test_hidden_fields_passwords_and_buttons_are_left_out(read):
    text, _ = read(
        form(
            line(60, 700, "(Text)"),
            widget("a", "/FT/Tx/V(HIDDEN)", flags=2),
            widget("b", "/FT/Tx/Ff 8192/V(PASSWORD)"),
            widget("c", "/FT/Btn/Ff 65536/MK<</CA(SEND)>>"),
        )
    )

    assert text == "Text"


def test_free_text_annotation_is_read_in_place_and_a_sticky_note_is_not(read):
    content = line(60, 700, "(Above)") + line(60, 500, "(Below)")
    free = "/Subtype/FreeText/Contents(Between)/Rect[60 590 300 610]/DA(/F 11 Tf)"
    note = "/Subtype/Text/Contents(Comment)/Rect[400 590 420 610]"

    text, _ = read(form(content, free, note))

    assert text == "Above\nBetween\nBelow"


COLUMNS = [
    ("The committee reviewed the annual", "Members approved the budget for"),
    ("report of the treasurer and then", "the coming fiscal year in full"),
    ("accepted it without a single ob-", "and closed the meeting at about"),
    ("jection from those at the table.", "noon, without further business."),
]


def rows(cells, *, top=700, left=60, right=320):
    return "".join(
        line(x, top - 14 * row, f"({text})")
        for row, texts in enumerate(cells)
        for x, text in zip((left, right), texts, strict=True)
    )


def test_columns_drawn_row_by_row_are_read_one_after_the_other(read):
    content = line(
        150, 740, "(A heading that goes across both of the columns)", size=14
    )

    text, _ = read(one_page(content + rows(COLUMNS)))

    assert text == (
        "A heading that goes across both of the columns\n"
        "The committee reviewed the annual\nreport of the treasurer and then\n"
        "accepted it without a single objection from those at the table.\n"
        "Members approved the budget for\nthe coming fiscal year in full\n"
        "and closed the meeting at about\nnoon, without further business."
    )


@pytest.mark.parametrize(
    "table",
    [
        [("Item", "Price")]
        + [(f"Article {n} of the list", f"{n}.00") for n in range(6)],
        [
            (f"Name of a person {n}", f"Street and number {n} of a town")
            for n in range(6)
        ],
        [(f"{n}. Scope of the work.", f"See section {n} below.") for n in range(6)],
    ],
)
def test_rows_of_a_table_stay_together(read, table):
    text, _ = read(one_page(rows(table)))

    assert text.split("\n") == [" ".join(row) for row in table]


VERTICAL = [
    "国境の長いトンネルを抜ける",
    "と雪国であった夜の底が白",
    "くなった信号所に汽車が止",
]


@pytest.mark.parametrize(
    ("encoding", "codec"), [("UniJIS-UTF16-V", "utf-16-be"), ("90ms-RKSJ-V", "cp932")]
)
def test_vertical_japanese_is_read_from_right_to_left(read, encoding, codec):
    font = (
        f"<</Type/Font/Subtype/Type0/BaseFont/HeiseiMin-W3/Encoding/{encoding}"
        "/DescendantFonts[6 0 R]>>"
    )
    descendant = (
        "<</Type/Font/Subtype/CIDFontType0/BaseFont/HeiseiMin-W3/CIDSystemInfo"
        "<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>/FontDescriptor 7 0 R>>"
    )
    descriptor = (
        "<</Type/FontDescriptor/FontName/HeiseiMin-W3/Flags 4/ItalicAngle 0/StemV 80"
        "/FontBBox[0 -200 1000 900]/Ascent 800/Descent -200/CapHeight 700>>"
    )
    content = "".join(
        line(500 - 20 * n, 780, f"<{text.encode(codec).hex()}>", size=14)
        for n, text in enumerate(VERTICAL)
    )

    text, _ = read(one_page(content, fonts={"F": font}, more=[descendant, descriptor]))

    assert text.split("\n") == VERTICAL


LEFTWARDS = ["שלום עולם", "נולד בשנת 1950 בעיר", "يكتب في دفتر"]


@pytest.mark.parametrize("text", LEFTWARDS)
@pytest.mark.parametrize("scrambled", [False, True], ids=["as drawn", "by words"])
def test_letters_from_right_to_left_are_read_as_they_are_written(read, text, scrambled):
    letters = sorted({*text} - {" "})
    codes = {chr(65 + n): letter for n, letter in enumerate(letters)}
    font = HELVETICA.format("/ToUnicode 6 0 R").replace("Helvetica", "Courier")
    mapped = {f"c{ord(code):02x}": f"{ord(one):04x}" for code, one in codes.items()}
    # As it stands on the page, from the left: digits are not turned round.
    seen = " ".join(
        word if word.isdecimal() else word[::-1] for word in reversed(text.split())
    )
    glyphs = {letter: code for code, letter in codes.items()}
    drawn = [
        (60 + 6.6 * n, f"({glyphs[letter]})")
        for n, letter in enumerate(seen)
        if letter != " "
    ]
    if scrambled:
        drawn = drawn[len(drawn) // 2 :] + drawn[: len(drawn) // 2]
    content = "".join(line(x, 700, code) for x, code in drawn)

    found, _ = read(
        one_page(content, fonts={"F": font}, more=[to_unicode(1, **mapped)])
    )

    assert found == text


def test_letters_without_a_glyph_are_read_by_their_unicode_map(read):
    font = (
        "<</Type/Font/Subtype/Type1/BaseFont/Own/FirstChar 65/LastChar 67"
        "/Widths[0 0 0]/Encoding<</Differences[65/g1/g2/g3]>>/ToUnicode 7 0 R>>"
    )
    fonts = {"F": HELVETICA.format(""), "G": font}
    codes = to_unicode(1, c41="0416", c42="0438", c43="4F60")

    mixed, _ = read(
        one_page(
            line(60, 700, "(Seen)") + line(60, 680, "(ABC)", font="G"),
            fonts=fonts,
            more=[codes],
        )
    )
    alone, _ = read(
        one_page(line(60, 680, "(ABC)", font="G"), fonts=fonts, more=[codes])
    )

    assert mixed.split() == ["Seen", "Жи你"]
    assert alone.strip() == "Жи你"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # A hyphen that is an object of its own was typed.
        (line(60, 700, "(price) Tj (-)") + line(60, 686, "(forming)"), "price-forming"),
        # One that stands for a soft hyphen was not.
        (
            line(60, 700, "(exam) Tj /Span<</ActualText<FEFF00AD>>>BDC (-)")
            + "EMC "
            + line(60, 686, "(ple)"),
            "example",
        ),
        (line(60, 700, "(exam-)") + line(60, 686, "(ple)"), "example"),
        # The page has the word within a line.
        (
            line(60, 700, "(A re-use)")
            + line(60, 686, "(of re-)")
            + line(60, 672, "(use)"),
            "A re-use\nof re-use",
        ),
        (
            line(60, 700, "(is price-)") + line(60, 686, "(based now)"),
            "is price-based now",
        ),
        (
            line(60, 700, r"(Wirtschafts\255)") + line(60, 686, "(lehre)"),
            "Wirtschaftslehre",
        ),
        (line(60, 700, r"(ein Wert\255papier\255index)"), "ein Wertpapierindex"),
        (line(60, 700, "(Wert-papier-index, typed)"), "Wert-papier-index, typed"),
    ],
)
def test_hyphens_are_kept_if_the_author_typed_them(read, content, expected):
    text, _ = read(one_page(content))

    assert text == expected


@pytest.mark.parametrize("engine", ["pdfium", "pypdf"])
def test_soft_hyphens_of_a_unicode_map_disappear(read, engine):
    codes = {f"c{code:02x}": f"{code:04x}" for code in range(0x20, 0x7F)}
    font = HELVETICA.format("/ToUnicode 6 0 R")
    content = line(60, 700, r"(Wert\255papier\255index)")

    text, _ = read(
        one_page(content, fonts={"F": font}, more=[to_unicode(1, **codes, cad="00AD")]),
        pdf_engine=engine,
    )

    assert text == "Wertpapierindex"


HIDDEN = {
    "not drawn": "BT 3 Tr /F 11 Tf 1 0 0 1 60 680 Tm (SECRET) Tj 0 Tr ET\n",
    "white": f"1 g {line(60, 680, '(SECRET)')} 0 g\n",
    "off the page": line(900, 680, "(SECRET)"),
    "transparent": f"/T gs {line(60, 680, '(SECRET)')}",
}


@pytest.mark.parametrize("content", HIDDEN.values(), ids=HIDDEN)
def test_invisible_text_is_left_out_and_reported(read, content):
    text, facts = read(
        one_page(
            line(60, 700, "(Shown)") + content,
            resources="/ExtGState<</T<</ca 0>>>>",
        )
    )

    assert text == "Shown"
    assert facts["warnings"] == ["invisible text was left out of page 1"]


@pytest.mark.parametrize("content", HIDDEN.values(), ids=HIDDEN)
def test_invisible_text_is_found_on_any_page(read_pages, content):
    hiding = one_page(
        line(60, 700, "(Shown)") + content, resources="/ExtGState<</T<</ca 0>>>>"
    )

    texts, facts = read_pages(many_pages(*[PLAIN] * 5, hiding, PLAIN, hiding))

    assert (texts[5], texts[7]) == ("Shown", "Shown")
    assert facts["warnings"] == ["invisible text was left out of pages 6 and 8"]


def test_columns_are_found_on_any_page(read_pages):
    texts, _ = read_pages(many_pages(*[PLAIN] * 6, one_page(rows(COLUMNS))))

    assert texts[6].startswith("The committee reviewed the annual\nreport of")


def test_invisible_text_within_a_form_is_left_out(read):
    inner = stream(
        "BT 3 Tr /F 11 Tf 60 680 Td (SECRET) Tj ET",
        "/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</Font<</F 5 0 R>>>>",
    )

    text, facts = read(
        one_page(
            line(60, 700, "(Shown)") + "/X Do",
            resources="/XObject<</X 6 0 R>>",
            more=[inner],
        )
    )

    assert text == "Shown"
    assert facts["warnings"]


def test_white_text_on_a_dark_ground_is_text(read):
    content = f"0 0 .5 rg 50 670 200 30 re f 1 g {line(60, 680, '(Heading)')}"

    text, facts = read(one_page(content))

    assert text == "Heading"
    assert "warnings" not in facts


def image(width, height):
    return f"q {width} 0 0 {height} 0 0 cm /I Do Q\n"


PIXEL = stream(
    b"\x80",
    "/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray"
    "/BitsPerComponent 8",
)


def test_invisible_text_of_a_scan_is_what_was_recognised(read):
    content = image(600, 800) + HIDDEN["not drawn"]

    text, facts = read(
        one_page(content, resources="/XObject<</I 6 0 R>>", more=[PIXEL])
    )

    assert text == "SECRET"
    assert "warnings" not in facts


@pytest.mark.parametrize("size", [(600, 800), (100, 80)])
def test_invisible_text_beside_more_that_is_shown_is_left_out(read, size):
    content = image(*size) + line(60, 700, "(A page over a picture)")

    text, facts = read(
        one_page(
            content + HIDDEN["not drawn"],
            resources="/XObject<</I 6 0 R>>",
            more=[PIXEL],
        )
    )

    assert text == "A page over a picture"
    assert facts["warnings"]

"""What Word shows of a document is read, once and in order; what it hides is not."""

import docx as python_docx
import pytest
from support.office import ALL, CHART, DIAGRAM, docx, p, story

from docprogress.documents import Document
from docprogress.errors import LimitExceeded
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.metadata import HIDDEN_TEXT
from docprogress.steps.readers.counting import counted


@pytest.fixture
def read(tmp_path):
    def read(content, name="a.docx", **settings):
        path = tmp_path / "document"
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            (page,) = extraction
        return page, extraction.facts

    return read


def lines(page):
    return page.text.split("\n")


def styles(*made):
    return f"<w:styles {ALL}>{''.join(made)}</w:styles>"


def style(key, properties="", *, run="", based_on="", kind="paragraph", default=""):
    based = f'<w:basedOn w:val="{based_on}"/>' if based_on else ""
    return (
        f'<w:style w:type="{kind}" w:styleId="{key}" {default}><w:name w:val="{key}"/>'
        f"{based}<w:pPr>{properties}</w:pPr><w:rPr>{run}</w:rPr></w:style>"
    )


def level(place, text, style="decimal", start=1, more=""):
    return (
        f'<w:lvl w:ilvl="{place}"><w:start w:val="{start}"/>'
        f'<w:numFmt w:val="{style}"/>{more}<w:lvlText w:val="{text}"/></w:lvl>'
    )


def numbering(*levels, more="", override=""):
    return (
        f'<w:numbering {ALL}><w:abstractNum w:abstractNumId="7">{"".join(levels)}'
        f'</w:abstractNum>{more}<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
        f'<w:num w:numId="2"><w:abstractNumId w:val="7"/>{override}</w:num>'
        "</w:numbering>"
    )


def item(text, place=0, num=1):
    return p(
        text, f'<w:numPr><w:ilvl w:val="{place}"/><w:numId w:val="{num}"/></w:numPr>'
    )


CLAUSES = (level(0, "%1."), level(1, "%1.%2"), level(2, "(%3)", "lowerLetter"))


def test_clauses_have_their_automatic_numbers(read):
    body = "".join(
        [
            item("Term"),
            item("Rent"),
            item("Rent is due", 1),
            item("It is paid", 1),
            item("monthly", 2),
            item("in advance", 2),
            item("Deposit", 1),
            item("on signing", 2),
            item("Notice"),
            item("Three months", 1),
            p("Signed"),
        ]
    )

    page, _ = read(docx(body, numbering=numbering(*CLAUSES)))

    assert lines(page) == [
        "1. Term",
        "2. Rent",
        "2.1 Rent is due",
        "2.2 It is paid",
        "(a) monthly",
        "(b) in advance",
        "2.3 Deposit",
        "(a) on signing",
        "3. Notice",
        "3.1 Three months",
        "Signed",
    ]


def test_lists_of_one_definition_count_on_unless_one_starts_again(read):
    body = item("a") + item("b", num=2) + item("c", num=2) + item("d")

    on, _ = read(docx(body, numbering=numbering(*CLAUSES)))
    again, _ = read(
        docx(
            body,
            numbering=numbering(
                *CLAUSES,
                override='<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/>'
                "</w:lvlOverride>",
            ),
        )
    )

    assert lines(on) == ["1. a", "2. b", "3. c", "4. d"]
    assert lines(again) == ["1. a", "5. b", "6. c", "7. d"]


def test_a_list_may_replace_a_level_of_its_definition(read):
    override = f'<w:lvlOverride w:ilvl="0">{level(0, "§ %1", "upperRoman", 4)}'

    page, _ = read(
        docx(
            item("one", num=2),
            numbering=numbering(*CLAUSES, override=override + "</w:lvlOverride>"),
        )
    )

    assert lines(page) == ["§ IV one"]


@pytest.mark.parametrize(
    ("restart", "last"), [("", "2.1"), ('<w:lvlRestart w:val="0"/>', "2.2")]
)
def test_a_level_starts_again_unless_it_counts_on(read, restart, last):
    levels = (level(0, "%1"), level(1, "%1.%2", more=restart))
    body = item("a") + item("b", 1) + item("c") + item("d", 1)

    page, _ = read(docx(body, numbering=numbering(*levels)))

    assert lines(page) == ["1 a", "1.1 b", "2 c", f"{last} d"]


def test_legal_numbering_shows_every_level_in_decimals(read):
    levels = (
        level(0, "Article %1", "upperRoman"),
        level(1, "%1.%2", more="<w:isLgl/>"),
    )
    body = item("Scope", 0) + item("Rent", 0) + item("due", 1)

    page, _ = read(docx(body, numbering=numbering(*levels)))

    assert lines(page) == ["Article I Scope", "Article II Rent", "2.1 due"]


def test_styles_number_their_paragraphs_at_the_level_that_names_them(read):
    made = styles(
        style("H1", '<w:numPr><w:numId w:val="1"/></w:numPr><w:outlineLvl w:val="0"/>'),
        style("H2", '<w:outlineLvl w:val="1"/>', based_on="H1"),
        style("Mine", based_on="H2"),
        style("Plain", '<w:numPr><w:numId w:val="0"/></w:numPr>', based_on="H1"),
    )
    levels = (
        level(0, "%1", more='<w:pStyle w:val="H1"/>'),
        level(1, "%1.%2", more='<w:pStyle w:val="H2"/>'),
    )
    body = "".join(
        p(text, f'<w:pStyle w:val="{name}"/>')
        for text, name in (
            ("Rent", "H1"),
            ("is due", "H2"),
            ("is paid", "Mine"),
            ("none", "Plain"),
        )
    )

    page, _ = read(docx(body, styles=made, numbering=numbering(*levels)))

    assert lines(page) == ["1 Rent", "1.1 is due", "1.2 is paid", "none"]
    assert page.markdown.split("\n\n") == [
        "# 1 Rent",
        "## 1.1 is due",
        "## 1.2 is paid",
        "# none",
    ]


def test_a_list_by_a_numbering_style_has_that_styles_levels(read):
    linked = (
        '<w:abstractNum w:abstractNumId="8"><w:numStyleLink w:val="Linked"/>'
        '</w:abstractNum><w:num w:numId="3"><w:abstractNumId w:val="8"/></w:num>'
    )
    made = styles(
        style("Linked", '<w:numPr><w:numId w:val="1"/></w:numPr>', kind="numbering")
    )

    page, _ = read(
        docx(
            item("one", num=3) + item("two", num=3),
            styles=made,
            numbering=numbering(*CLAUSES, more=linked),
        )
    )

    assert lines(page) == ["1. one", "2. two"]


def test_bullets_are_written_and_are_lists_in_markdown(read):
    bullets = (level(0, "\uf0b7", "bullet"), level(1, "o", "bullet"))

    page, _ = read(docx(item("one") + item("two", 1), numbering=numbering(*bullets)))

    assert lines(page) == ["• one", "• two"]
    assert page.markdown == "- one\n  - two"


def test_empty_paragraphs_count_but_hidden_ones_do_not(read):
    hidden = (
        '<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
        "<w:rPr><w:vanish/></w:rPr></w:pPr><w:r><w:rPr><w:vanish/></w:rPr>"
        "<w:t>SECRET</w:t></w:r></w:p>"
    )
    body = item("a") + item("") + item("c") + hidden + item("d")

    page, _ = read(docx(body, numbering=numbering(*CLAUSES)))

    assert lines(page) == ["1. a", "3. c", "4. d"]


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("lowerLetter", {1: "a", 26: "z", 27: "aa", 28: "bb"}),
        ("upperRoman", {4: "IV", 1994: "MCMXCIV"}),
        ("lowerRoman", {9: "ix"}),
        ("decimalZero", {7: "07", 12: "12"}),
        ("ordinal", {1: "1st", 2: "2nd", 11: "11th", 23: "23rd"}),
        ("cardinalText", {21: "Twenty-one"}),
        ("ordinalText", {1: "First", 20: "Twentieth", 32: "Thirty-second"}),
        ("japaneseCounting", {1: "一", 10: "十", 25: "二十五"}),
        ("decimalEnclosedCircle", {1: "①", 20: "⑳"}),
        ("russianLower", {3: "в"}),
        ("numberInDash", {3: "- 3 -"}),
        ("none", {3: ""}),
        ("somethingNew", {3: "3"}),
        ("lowerLetter", {0: "0", 10**9: "1000000000"}),
    ],
)
def test_numbers_are_written_as_word_writes_them(kind, numbers):
    for number, text in numbers.items():
        assert counted(number, kind) == text


def test_each_distinct_header_and_footer_is_read_once(read):
    section = (
        '<w:p><w:pPr><w:sectPr><w:headerReference w:type="default" r:id="h1"/>'
        '<w:headerReference w:type="first" r:id="h2"/>'
        '<w:headerReference w:type="even" r:id="h3"/>'
        '<w:footerReference w:type="default" r:id="f1"/></w:sectPr></w:pPr></w:p>'
    )
    last = (
        '<w:sectPr><w:headerReference w:type="default" r:id="h4"/>'
        '<w:headerReference w:type="first" r:id="h5"/><w:titlePg/></w:sectPr>'
    )
    content = docx(
        p("The body") + section + last,
        targets={
            **{f"h{n}": ("header", f"header{n}.xml") for n in range(1, 6)},
            "f1": ("footer", "footer1.xml"),
        },
        header1=story(p("Letterhead")),
        header2=story(p("Not on a first page")),
        header3=story(p("No even pages")),
        header4=story(p("Letterhead")),
        header5=story(p("First page of the annex")),
        footer1=story(p("Page 1"), "ftr"),
    )

    page, _ = read(content)

    assert lines(page) == [
        "Letterhead",
        "First page of the annex",
        "The body",
        "Page 1",
    ]


def test_headers_of_even_pages_are_read_where_the_document_has_them(read):
    content = docx(
        p("The body")
        + '<w:sectPr><w:headerReference w:type="even" r:id="h"/></w:sectPr>',
        targets={"h": ("header", "header1.xml"), "s": ("settings", "settings.xml")},
        header1=story(p("Even")),
        settings=f"<w:settings {ALL}><w:evenAndOddHeaders/></w:settings>",
    )

    assert lines(read(content)[0]) == ["Even", "The body"]


@pytest.mark.parametrize(
    ("paragraph", "run", "shown"),
    [
        ("", "<w:vanish/>", False),
        ("", '<w:vanish w:val="0"/>', True),
        ('<w:pStyle w:val="Hidden"/>', "", False),
        ('<w:pStyle w:val="Heir"/>', "", False),
        ('<w:pStyle w:val="Again"/>', "", True),
        ('<w:pStyle w:val="Hidden"/>', '<w:vanish w:val="false"/>', True),
        ("", '<w:rStyle w:val="HiddenRun"/>', False),
        ('<w:pStyle w:val="Hidden"/>', '<w:rStyle w:val="HiddenRun"/>', True),
        ('<w:pStyle w:val="Unknown"/>', "", True),
    ],
)
def test_hidden_text_is_left_out_also_by_style(read, paragraph, run, shown):
    made = styles(
        style("Hidden", run="<w:vanish/>"),
        style("Heir", based_on="Hidden"),
        style("Again", run='<w:vanish w:val="off"/>', based_on="Hidden"),
        style("HiddenRun", run="<w:vanish/>", kind="character"),
    )

    page, facts = read(docx(p("TEXT", paragraph, run) + p("end"), styles=made))

    assert ("TEXT" in page.text) is shown
    assert facts.get("warnings", []) == [HIDDEN_TEXT] * (not shown)
    assert "end" in lines(page)


def test_a_default_style_and_hidden_rows_hide(read):
    made = styles(style("Normal", run="<w:vanish/>", default='w:default="1"'))
    row = "<w:tr>{}<w:tc>{}</w:tc></w:tr>"
    table = (
        "<w:tbl>"
        + row.format("<w:trPr><w:hidden/></w:trPr>", p("HIDDEN"))
        + row.format("", p("shown"))
        + "</w:tbl>"
    )

    assert read(docx(p("TEXT"), styles=made))[0].text == ""
    assert lines(read(docx(table))[0]) == ["shown"]


def test_a_style_separator_joins_a_heading_and_its_text(read):
    heading = (
        "<w:p><w:pPr><w:rPr><w:vanish/><w:specVanish/></w:rPr></w:pPr>"
        "<w:r><w:t>Rent.</w:t></w:r></w:p>"
    )

    assert lines(read(docx(heading + p("It is due.") + p("Next")))[0]) == [
        "Rent. It is due.",
        "Next",
    ]


def test_deleted_text_is_left_out_and_inserted_text_is_read(read):
    deleted_mark = (
        '<w:p><w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr><w:r><w:t>one </w:t></w:r>'
        "<w:del><w:r><w:delText>GONE</w:delText><w:t>GONE</w:t></w:r></w:del></w:p>"
    )
    row = (
        "<w:tbl><w:tr><w:trPr><w:del/></w:trPr><w:tc>"
        + p("GONE")
        + "</w:tc></w:tr></w:tbl>"
    )
    inserted = "<w:p><w:ins><w:r><w:t>two</w:t></w:r></w:ins></w:p>"
    before = p("three", '<w:pPrChange><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr>'
                        "</w:pPr></w:pPrChange>")  # fmt: skip

    page, _ = read(
        docx(deleted_mark + inserted + row + before, numbering=numbering(*CLAUSES))
    )

    assert lines(page) == ["one two", "three"]


def test_field_codes_are_left_out_and_their_results_are_read(read):
    def mark(kind):
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    def run(text):
        return f"<w:r><w:t>{text}</w:t></w:r>"

    code = "<w:r><w:instrText>IF </w:instrText></w:r>"
    inner = mark("begin") + code + mark("separate") + run("INNER") + mark("end")
    field = mark("begin") + code + inner + mark("separate") + run("yes") + mark("end")
    unfinished = mark("begin") + code
    form = (
        '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList>'
        '<w:result w:val="1"/><w:listEntry w:val="red"/><w:listEntry w:val="green"/>'
        "</w:ddList></w:ffData></w:fldChar></w:r>" + mark("end")
    )

    page, _ = read(
        docx(
            f"<w:p>{field}</w:p><w:p>{run('kept')}{unfinished}</w:p>"
            f"<w:p>{run('after')}</w:p><w:p>{form}</w:p>"
        )
    )

    assert lines(page) == ["yes", "kept", "after", "green"]


def test_text_boxes_are_read_once_after_their_paragraph(read):
    def box(text):
        return f"<w:txbxContent>{p(text)}</w:txbxContent>"

    content = (
        "<w:p><w:r><w:t>Before </w:t></w:r><w:r><mc:AlternateContent><mc:Choice>"
        f"<w:drawing>{box('Boxed')}</w:drawing></mc:Choice><mc:Fallback><w:pict>"
        f"{box('Boxed')}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        "<w:r><w:t>after</w:t></w:r></w:p>"
        f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:pict>{box('HIDDEN')}</w:pict></w:r>"
        '</w:p><w:p><w:r><w:pict><v:textpath string="DRAFT"/></w:pict></w:r></w:p>'
    )

    assert lines(read(docx(content))[0]) == ["Before after", "Boxed", "DRAFT"]


def test_charts_and_diagrams_are_read_in_their_order(read):
    content = docx(
        '<w:p><w:r><w:drawing><c:chart r:id="c"/></w:drawing></w:r></w:p>'
        '<w:p><w:r><w:drawing><dgm:relIds r:dm="d" r:lo="x"/></w:drawing></w:r></w:p>',
        targets={
            "c": ("chart", "charts/chart1.xml"),
            "d": ("diagramData", "/word/diagrams/data1.xml"),
        },
        **{"charts/chart1.xml": CHART, "diagrams/data1.xml": DIAGRAM},
    )

    page, _ = read(content)

    assert lines(page) == [
        "Sales",
        "\tNorth",
        "Spring\t0.3",
        "Autumn\t12",
        "First",
        "Detail",
        "Second",
    ]
    assert "|  | North |\n| --- | --- |\n| Spring | 0.3 |" in page.markdown


def test_parts_of_other_formats_are_read_where_they_are_inserted(read):
    chunks = {
        "part.html": b"<html><body><p>From HTML</p></body></html>",
        "part.txt": "From text: žluťoučký".encode(),
        "part.docx": docx(p("From Word")),
    }
    body = p("Before") + "".join(f'<w:altChunk r:id="{key}"/>' for key in chunks)
    content = docx(
        body + p("After"),
        targets={key: ("aFChunk", key) for key in chunks},
        **chunks,
    )

    page, facts = read(content)

    assert lines(page) == [
        "Before",
        "From HTML",
        "From text: žluťoučký",
        "From Word",
        "After",
    ]
    assert "warnings" not in facts


def test_a_document_within_itself_ends(read):
    inner = docx(p("deepest"))
    for _ in range(6):
        inner = docx(
            p("around") + '<w:altChunk r:id="x"/>',
            targets={"x": ("aFChunk", "x.docx")},
            **{"x.docx": inner},
        )

    assert lines(read(inner)[0]) == ["around"] * 4


def test_inserted_parts_that_cannot_be_read_are_warned_of(read):
    content = docx(
        p("text") + '<w:altChunk r:id="x"/><w:altChunk r:id="y"/>',
        targets={"x": ("aFChunk", "x.bin"), "y": ("aFChunk", "gone.html")},
        **{"x.bin": b"\x00\x01\x02" * 1000},
    )

    page, facts = read(content)

    assert page.text == "text"
    assert len(facts["warnings"]) == 2


def notes(kind, *entries):
    return f"<w:{kind}s {ALL}>{''.join(entries)}</w:{kind}s>"


def test_notes_and_comments_of_visible_text_are_read(read):
    reference = '<w:p><w:r><w:{}Reference w:id="{}"/></w:r></w:p>'
    body = (
        p("text")
        + reference.format("footnote", 2)
        + reference.format("endnote", 2)
        + reference.format("comment", 0)
        + '<w:p><w:del><w:r><w:footnoteReference w:id="3"/></w:r></w:del></w:p>'
    )
    content = docx(
        body,
        footnotes=notes(
            "footnote",
            f'<w:footnote w:type="separator" w:id="0">{p("-----")}</w:footnote>',
            f'<w:footnote w:id="2">{p("a footnote")}</w:footnote>',
            f'<w:footnote w:id="3">{p("DELETED")}</w:footnote>',
        ),
        endnotes=notes("endnote", f'<w:endnote w:id="2">{p("an endnote")}</w:endnote>'),
        comments=notes(
            "comment", f'<w:comment w:id="0" w:author="Ada">{p("why?")}</w:comment>'
        ),
    )

    assert lines(read(content)[0]) == ["text", "a footnote", "an endnote"]
    assert lines(read(content, include_comments=True)[0])[-1] == "Ada: why?"


def test_equations_keep_their_bars_brackets_and_powers(read):
    def run(text):
        return f"<m:r><m:t>{text}</m:t></m:r>"

    content = (
        f"<w:p><m:oMath><m:f><m:num>{run('a')}</m:num><m:den>{run('b')}</m:den></m:f>"
        f"<m:d><m:e>{run('x')}</m:e></m:d>"
        f"<m:sSup><m:e>{run('c')}</m:e><m:sup>{run('2')}</m:sup></m:sSup>"
        "</m:oMath></w:p>"
    )

    assert read(docx(content))[0].text == "a/b(x)c^2"


def test_tables_become_github_tables_and_emphasis_is_kept(read, tmp_path):
    made = python_docx.Document()
    made.core_properties.author = "Ada"
    made.core_properties.language = "de-DE"
    made.add_heading("Prices", 1)
    paragraph = made.add_paragraph("all ")
    paragraph.add_run("in").bold = True
    paragraph.add_run(" euros").bold = True
    table = made.add_table(2, 2)
    for place, text in enumerate(("jar", "a|b", "lid", "")):
        table.cell(place // 2, place % 2).text = text
    made.save(tmp_path / "made.docx")

    page, facts = read((tmp_path / "made.docx").read_bytes())

    assert page.markdown.split("\n\n") == [
        "# Prices",
        "all **in euros**",
        "| jar | a\\|b |\n| --- | --- |\n| lid |  |",
    ]
    assert (facts["author"], facts["language"]) == ("Ada", "de-DE")
    assert facts["created"].startswith("20")


@pytest.mark.parametrize("name", ["a.docm", "a.dotx", "a.dotm", "a.doc", "a.pdf"])
def test_macros_templates_and_wrong_names_make_no_difference(read, name):
    page, _ = read(docx(p("text"), main="content/main.xml"), name=name)

    assert page.text == "text"


def test_many_small_parts_and_labels_hold_to_the_limit_of_characters(read):
    text = (level(0, "%1 " + "long " * 30),)
    content = docx(item("x") * 100, numbering=numbering(*text))

    with pytest.raises(LimitExceeded, match="max_characters"):
        read(content, max_characters=10_000)


def test_deep_nesting_of_boxes_and_tables_is_read(read):
    depth = 2000
    boxes = "<w:p><w:r><w:txbxContent>" * depth + p("deep")
    tables = "<w:tbl><w:tr><w:tc>" * depth + p("deeper")

    page, _ = read(
        docx(
            boxes
            + "</w:txbxContent></w:r></w:p>" * depth
            + tables
            + "</w:tc></w:tr></w:tbl>" * depth
        )
    )

    assert page.text.split() == ["deep", "deeper"]


def picture(properties):
    space = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
    return (
        f'<w:r><w:drawing><wp:inline xmlns:wp="{space}">'
        f'<wp:docPr id="1" name="Picture 1" {properties}/></wp:inline></w:drawing></w:r>'
    )


@pytest.mark.parametrize(
    ("properties", "shown"),
    [
        ('descr="A map of\nthe harbour"', "See A map of the harbour here."),
        (
            'descr="Two cats&#xA;Description automatically generated with confidence"',
            "See Two cats here.",
        ),
        ('descr="Image 12.png"', "See here."),
        ('descr="C:\\Users\\ann\\my scan.jpeg"', "See here."),
        ('descr="A logo" hidden="1"', "See here."),
        ('title="Only a title"', "See here."),
    ],
)
def test_descriptions_of_pictures_are_read(read, properties, shown):
    page, _ = read(
        docx(
            "<w:p><w:r><w:t>See</w:t></w:r>"
            f"{picture(properties)}"
            '<w:r><w:t xml:space="preserve"> here.</w:t></w:r></w:p>'
        )
    )

    assert lines(page) == [shown]


def test_a_description_is_apart_from_the_words_around_it(read):
    old = '<w:r><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml" alt="A key"/>'
    drawn = picture('descr="A map"')

    page, _ = read(
        docx(
            f"<w:p><w:r><w:t>See</w:t></w:r>{drawn}{old}</w:pict></w:r>{'<w:r><w:t>here</w:t></w:r>'}</w:p>"
        )
    )

    assert lines(page) == ["See A map A key here"]


def test_a_large_first_letter_is_joined_to_its_word(read):
    frame = '<w:framePr w:dropCap="drop" w:lines="3"/>'
    other = '<w:framePr w:w="200" w:hSpace="142"/>'

    body = p("O", frame) + p("nce upon a time.") + p("A", other) + p("Box")

    assert lines(read(docx(body))[0]) == ["Once upon a time.", "A", "Box"]

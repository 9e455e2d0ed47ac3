"""What an OpenDocument file shows is read, once and in order; what it hides is not."""

import pytest
from support.office import flat_odf, odf, odf_part

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract
from docprogress.steps.metadata import HIDDEN_TEXT


@pytest.fixture
def read(tmp_path):
    def read(content, name="a.odt", **settings):
        path = tmp_path / "document"
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            pages = list(extraction)
            assert len(pages) == extraction.total
        return pages, extraction.facts

    return read


@pytest.fixture
def lines(read):
    def lines(content, **settings):
        (page,), _ = read(content, **settings)
        return page.text.split("\n")

    return lines


def p(text, style=""):
    return f'<text:p text:style-name="{style}">{text}</text:p>'


def style(name, text="", *, family="paragraph", parent="", more=""):
    return (
        f'<style:style style:name="{name}" style:family="{family}" '
        f'style:parent-style-name="{parent}" {more}>'
        f"<style:text-properties {text}/></style:style>"
    )


HIDDEN = 'text:display="none"'


def level(place, kind="1", **attributes):
    given = {"num_format": kind, "num_suffix": "."} | attributes
    written = " ".join(
        f'{"style" if key.startswith("num") else "text"}:{key.replace("_", "-")}="{value}"'
        for key, value in given.items()
    )
    return f'<text:list-level-style-number text:level="{place}" {written}/>'


def list_style(name, *levels):
    return f'<text:list-style style:name="{name}">{"".join(levels)}</text:list-style>'


def listed(*items, style="L", more=""):
    made = "".join(f"<text:list-item>{item}</text:list-item>" for item in items)
    return f'<text:list text:style-name="{style}" {more}>{made}</text:list>'


NUMBERS = list_style(
    "L", level(1), level(2, display_levels="2"), level(3, "a", num_suffix=")")
)


def test_lists_have_their_numbers(lines):
    body = listed(
        p("Term"),
        p("Rent")
        + listed(p("is due") + p("every month"), p("is paid") + listed(p("x"), p("y"))),
        listed(p("no item above")),
        p("Notice") + listed(p("three months")),
    )

    assert lines(odf(body, automatic=NUMBERS)) == [
        "1. Term",
        "2. Rent",
        "2.1. is due",
        "every month",
        "2.2. is paid",
        "a) x",
        "b) y",
        "2.3. no item above",
        "3. Notice",
        "3.1. three months",
    ]


def test_lists_begin_again_unless_they_continue_another(lines):
    body = (
        listed(p("a"), p("b"), more='xml:id="first"')
        + listed(p("again"))
        + listed(p("on"), more='text:continue-numbering="true"')
        + listed(p("far on"), more='text:continue-list="first"')
        + '<text:list text:style-name="L"><text:list-item text:start-value="9">'
        + p("nine")
        + "</text:list-item><text:list-header>"
        + p("none")
        + "</text:list-header></text:list>"
    )

    assert lines(odf(body, automatic=NUMBERS)) == [
        *("1. a", "2. b", "1. again", "2. on", "3. far on", "9. nine", "none"),
    ]


@pytest.mark.parametrize(
    ("made", "label"),
    [
        (level(1, "i", start_value="4"), "iv."),
        (level(1, "A", start_value="28"), "AB."),
        (level(1, "A", start_value="28", num_letter_sync="true"), "BB."),
        (level(1, "1", num_prefix="§ ", num_suffix=""), "§ 1"),
        (level(1, "", num_suffix=""), ""),
        (
            '<text:list-level-style-bullet text:level="1" text:bullet-char="o"/>',
            "•",
        ),
        (
            level(1, num_suffix="").replace("/>", ' loext:num-list-format="(%1%)"/>'),
            "(1)",
        ),
    ],
)
def test_labels_are_written_in_the_style_of_the_list(lines, made, label):
    content = odf(listed(p("x")), automatic=list_style("L", made))

    assert lines(content) == [f"{label} x".strip()]


def test_headings_have_the_numbers_of_the_outline(read):
    outline = (
        '<text:outline-style><text:outline-level-style text:level="1" '
        'style:num-format="1"/><text:outline-level-style text:level="2" '
        'style:num-format="1" text:display-levels="2"/></text:outline-style>'
    )
    body = (
        '<text:h text:outline-level="1">Rent</text:h>'
        '<text:h text:outline-level="2">Due</text:h>'
        '<text:h text:outline-level="2" text:is-list-header="true">Free</text:h>'
    )

    (page,), _ = read(odf(body, common=outline))

    assert page.text.split("\n") == ["1 Rent", "1.1 Due", "Free"]
    assert page.markdown == "# 1 Rent\n\n## 1.1 Due\n\n## Free"


def test_white_space_is_as_it_is_shown(lines):
    body = p(
        '  a \n  b<text:s text:c="3"/>c<text:tab/>d<text:line-break/> e'
        "<text:span> f</text:span>"
    )

    assert lines(odf(body)) == ["a b   c\td", "e f"]


def test_hidden_and_deleted_text_is_left_out(lines):
    common = style("Gone", HIDDEN) + style("Back", 'text:display="true"', family="text")
    automatic = style("P1", parent="Gone") + style("T1", HIDDEN, family="text")
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion>"
        + p("DELETED")
        + "</text:deletion></text:changed-region></text:tracked-changes>"
        + p(
            'one <text:change text:change-id="x"/><text:span text:style-name="T1">'
            "HIDDEN</text:span>two"
        )
        + p('HIDDEN <text:span text:style-name="Back">shown</text:span> HIDDEN', "P1")
        + f'<text:section text:display="none">{p("HIDDEN")}</text:section>'
        + f'<text:section text:display="true">{p("section")}</text:section>'
        + p('<text:hidden-text text:is-hidden="true">HIDDEN</text:hidden-text>three')
        + p('<text:hidden-paragraph text:is-hidden="true"/>HIDDEN')
        + p(
            "<draw:frame><svg:title>ALT</svg:title><svg:desc>ALT</svg:desc></draw:frame>"
        )
    )

    assert lines(odf(body, common=common, automatic=automatic)) == [
        *("one two", "shown", "section", "three"),
    ]


def test_notes_and_boxes_follow_and_comments_are_read_on_request(lines):
    note = (
        '<text:note text:note-class="footnote"><text:note-citation>1'
        f"</text:note-citation><text:note-body>{p('the note')}</text:note-body>"
        "</text:note>"
    )
    comment = (
        "<office:annotation><dc:creator>Ada</dc:creator><dc:date>2024</dc:date>"
        f"{p('why?')}</office:annotation>"
    )
    box = f"<draw:frame><draw:text-box>{p('boxed')}</draw:text-box></draw:frame>"
    content = odf(p(f"be{note}fore{comment} {box}after") + p("end"))

    assert lines(content) == ["before after", "boxed", "end", "the note"]
    assert lines(content, include_comments=True)[-1] == "Ada: why?"


def test_hidden_text_that_is_left_out_is_a_warning(read):
    automatic = style("T1", HIDDEN, family="text")
    body = p('one<text:span text:style-name="T1">HIDDEN</text:span>')

    assert read(odf(body, automatic=automatic))[1]["warnings"] == [HIDDEN_TEXT]
    assert "warnings" not in read(odf(p("one")))[1]


def test_tables_keep_their_cells_and_leave_out_hidden_rows(read):
    def row(*cells, more=""):
        made = "".join(
            f"<table:table-cell>{p(cell)}</table:table-cell>" for cell in cells
        )
        return f"<table:table-row {more}>{made}</table:table-row>"

    body = (
        "<table:table><table:table-header-rows>"
        + row("jar", "price")
        + "</table:table-header-rows>"
        + row("HIDDEN", "9", more='table:visibility="collapse"')
        + row("lid", "7|8")
        + '<table:table-row><table:table-cell table:number-columns-repeated="2"/>'
        "</table:table-row></table:table>"
    )

    (page,), _ = read(odf(body))

    assert page.text == "jar\tprice\nlid\t7|8"
    assert page.markdown == "| jar | price |\n| --- | --- |\n| lid | 7\\|8 |"


def test_headers_and_footers_in_use_are_read_once(lines):
    def master(name, header, footer="", more=""):
        return (
            f'<style:master-page style:name="{name}" {more}><style:header>{p(header)}'
            f"</style:header><style:header-left style:display='false'>{p('OFF')}"
            f"</style:header-left><style:footer>{p(footer)}</style:footer>"
            "</style:master-page>"
        )

    masters = (
        master("Standard", "Letterhead", "Page 1")
        + master("First", "Cover", "Page 1", 'style:next-style-name="Standard"')
        + master("Unused", "UNUSED")
    )
    automatic = style("P1", more='style:master-page-name="First"')

    assert lines(odf(p("body", "P1"), automatic=automatic, masters=masters)) == [
        *("Letterhead", "Cover", "body", "Page 1"),
    ]


def test_embedded_charts_and_formulas_are_read(lines):
    chart = odf_part(
        f"<office:body><office:chart><chart:chart><chart:title>{p('Sales')}"
        "</chart:title><table:table><table:table-row><table:table-cell>"
        f"{p('North')}</table:table-cell><table:table-cell>{p('12')}"
        "</table:table-cell></table:table-row></table:table></chart:chart>"
        "</office:chart></office:body>"
    )
    formula = (
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mi>E</mi><mo>='
        '</mo><mn>2</mn><annotation encoding="StarMath 5.0">SOURCE</annotation>'
        "</semantics></math>"
    )
    frame = '<draw:frame><draw:object xlink:href="./{}"/></draw:frame>'
    content = odf(
        p("text" + frame.format("Object 1")) + p(frame.format("Object 2")),
        **{"Object 1/content.xml": chart, "Object 2/content.xml": formula},
    )

    assert lines(content) == ["text", "Sales", "North\t12", "E=2"]


def test_flat_files_and_their_properties_are_read(read):
    (page,), facts = read(flat_odf(listed(p("flat")), automatic=NUMBERS), name="a.fodt")

    assert page.text == "1. flat"
    assert facts["title"] == "Flat"
    assert facts["media_type"] == "application/vnd.oasis.opendocument.text-flat-xml"


def test_properties_are_kept(read):
    meta = odf_part(
        "<office:meta><dc:title>The lease</dc:title><meta:initial-creator>Ada"
        "</meta:initial-creator><dc:creator>Bob</dc:creator><dc:language>de"
        "</dc:language><meta:creation-date>2024-05-01T10:00:00</meta:creation-date>"
        "</office:meta>",
        "document-meta",
    )

    _, facts = read(odf(p("x"), **{"meta.xml": meta}))

    assert (facts["title"], facts["author"]) == ("The lease", "Ada")
    assert (facts["language"], facts["created"]) == ("de", "2024-05-01T10:00:00")


def frame(text, kind="outline"):
    return (
        f'<draw:frame presentation:class="{kind}"><draw:text-box>{p(text)}'
        "</draw:text-box></draw:frame>"
    )


def page(*frames, style="dp1", more=""):
    return f'<draw:page draw:style-name="{style}" {more}>{"".join(frames)}</draw:page>'


HIDING = (
    '<style:style style:name="dp2" style:family="drawing-page">'
    '<style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
)


@pytest.mark.parametrize("make", [odf, flat_odf])
def test_a_presentation_gives_a_page_for_each_slide_that_is_shown(read, make):
    notes = (
        "<presentation:notes><draw:page-thumbnail/>"
        f"{frame('Say hello', 'notes')}{frame('REPEATED', 'page-number')}"
        "</presentation:notes>"
    )
    body = (
        '<presentation:footer-decl presentation:name="f">Ltd</presentation:footer-decl>'
        + page(
            frame("body"),
            frame("The title", "title"),
            f"<draw:g><draw:custom-shape>{p('shape')}</draw:custom-shape></draw:g>",
            notes,
            more='presentation:use-footer-name="f"',
        )
        + page(frame("hidden"), style="dp2")
        + page(frame("last"))
    )
    content = make(body, kind="presentation", automatic=HIDING)

    pages, facts = read(content, name="a.odp")
    every, _ = read(content, name="a.odp", include_hidden=True)

    assert [page.text for page in pages] == [
        "The title\nbody\nshape\nLtd\nSay hello",
        "last",
    ]
    assert [page.title for page in pages] == ["The title", None]
    assert [page.number for page in pages] == [1, 2]
    assert facts["hidden_slides"] == 1
    assert facts["warnings"] == ["1 hidden slide left out (include_hidden)"]
    assert [page.text for page in every][1] == "hidden"


def test_slides_come_out_before_the_whole_file_is_read(tmp_path):
    path = tmp_path / "a.odp"
    path.write_bytes(odf(page(frame("word " * 100)) * 3000, kind="presentation"))
    document = Document(id="d", name="a.odp", path=path, size=1)

    with extract(document, settings=load()) as extraction:
        assert (extraction.total, extraction.unit) == (3000, "slide")
        next(extraction)
        assert extraction.__length_hint__() == 2999


@pytest.mark.parametrize(("body", "note"), [("", "no slides"), (page(), "no text")])
def test_a_presentation_without_text_says_so(read, body, note):
    pages, facts = read(odf(body, kind="presentation"), name="a.odp")

    assert [page.text for page in pages] == [""]
    assert facts["note"] == note


def test_dangerous_members_are_refused_by_name(read):
    entities = "<!DOCTYPE x [<!ENTITY a 'b'>]>" + odf_part("&a;")
    encrypted = {
        "META-INF/manifest.xml": "<manifest:manifest xmlns:manifest='m'>"
        "<manifest:encryption-data/></manifest:manifest>"
    }

    with pytest.raises(Unreadable, match=r"^a\.odt: .*document type"):
        read(odf("", **{"content.xml": entities}))
    with pytest.raises(Unreadable, match=r"^a\.odt: .*encrypted.* password"):
        read(odf("", **encrypted))
    with pytest.raises(Unreadable, match=r"^a\.fodt: .*damaged"):
        read(flat_odf(p("x"))[:-20], name="a.fodt")
    with pytest.raises(LimitExceeded, match="max_characters"):
        read(odf(p('<text:s text:c="90"/>x') * 50), max_characters=1000)
    with pytest.raises(LimitExceeded, match="3 slides"):
        read(odf(page() * 3, kind="presentation"), max_pages=2)


def test_absurd_counts_and_depths_are_survived(lines):
    cells = '<table:table-cell table:number-columns-repeated="999999999"/>' * 5
    table = f"<table:table><table:table-row>{cells}</table:table-row></table:table>"
    deep = "<text:list><text:list-item>" * 3000 + p("deep")

    assert lines(
        odf(
            p('a<text:s text:c="999999999"/>b')
            + table
            + deep
            + "</text:list-item></text:list>" * 3000
        )
    ) == [f"a{' ' * 100}b", "deep"]


def test_text_of_master_pages_is_read_once_without_their_prompts(read):
    def box(text, more=""):
        return (
            f"<draw:frame {more}><draw:text-box>{p(text)}</draw:text-box></draw:frame>"
        )

    prompt = 'presentation:class="title"'
    masters = (
        '<style:master-page style:name="Main">'
        + box("Click to edit", prompt)
        + box("Harrow Ltd.")
        + box(
            "<presentation:footer/>All rights reserved", 'presentation:class="footer"'
        )
        + f"<draw:custom-shape>{p('<text:page-number>&lt;number&gt;</text:page-number>')}"
        + "</draw:custom-shape>"
        + f"<presentation:notes>{box('NOTES')}</presentation:notes></style:master-page>"
        + f'<style:master-page style:name="Unused">{box("UNUSED")}</style:master-page>'
    )
    bare = (
        '<style:style style:name="bare" style:family="drawing-page"><style:drawing-page-'
        'properties presentation:background-objects-visible="false"/></style:style>'
    )

    def page(text, style=""):
        return (
            f'<draw:page draw:master-page-name="Main" draw:style-name="{style}">'
            f"{box(text)}</draw:page>"
        )

    body = page("bare", "bare") + page("one") + page("two")
    content = odf(body, kind="presentation", automatic=bare, masters=masters)

    pages, _ = read(content, name="a.odp")

    assert [page.text for page in pages] == [
        "bare",
        "one\nHarrow Ltd.\nAll rights reserved",
        "two",
    ]


IMAGE = '<draw:image xlink:href="Pictures/1.png"/>'


def picture(title="", described="", more=IMAGE):
    return (
        f"<draw:frame>{more}<svg:title>{title}</svg:title>"
        f"<svg:desc>{described}</svg:desc></draw:frame>"
    )


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (picture("A map of the harbour"), "See A map of the harbour here."),
        (picture("Map", "The harbour\nin 1850"), "See Map The harbour in 1850 here."),
        (picture("Map", "Map"), "See Map here."),
        (picture("image 12.png"), "See here."),
        (picture("formula", more=f"<draw:object/>{IMAGE}"), "See here."),
        (picture("A frame", more="<draw:text-box/>"), "See here."),
        ("<draw:rect><svg:title>A line</svg:title></draw:rect>", "See here."),
    ],
)
def test_descriptions_of_pictures_are_read(lines, found, shown):
    assert lines(odf(p(f"See{found} here."))) == [shown]


def test_a_description_is_apart_from_the_words_around_it(lines):
    assert lines(odf(p(f"See{picture('A map')}here"))) == ["See A map here"]
    assert lines(odf(p(f"{picture('A map')}{picture('A key')}"))) == ["A map A key"]


def test_pictures_outside_of_paragraphs_and_on_slides_are_described(lines, read):
    assert lines(odf(picture("A map") + p("text"))) == ["A map", "text"]

    slide = f"<draw:page>{picture('A map', 'of a harbour')}</draw:page>"
    (page,), _ = read(odf(slide, kind="presentation"), "a.odp")
    assert (page.text, page.markdown) == ("A map of a harbour", "A map of a harbour")

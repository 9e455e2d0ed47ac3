"""A presentation gives a page for each slide that is shown, in their order."""

import pytest
from support.office import ALL, CHART, DIAGRAM, pptx, relations, shape, slide

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import load
from docprogress.steps.extract import extract


@pytest.fixture
def read(tmp_path):
    def read(content, name="a.pptx", **settings):
        path = tmp_path / "document"
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            assert extraction.unit == "slide"
            total = extraction.total
            pages = list(extraction)
        assert [page.number for page in pages] == list(range(1, total + 1))
        return pages, extraction.facts

    return read


def test_slides_are_read_in_the_order_of_the_presentation(read):
    content = pptx(
        {
            "slide1": slide(shape("second")),
            "slide2": slide(shape("body"), shape("The\ntitle", "title")),
        },
        order=["slide2", "slide1"],
    )

    pages, facts = read(content)

    assert [page.text for page in pages] == ["The title\nbody", "second"]
    assert [page.title for page in pages] == ["The title", None]
    assert pages[0].markdown == "# The title\n\nbody"
    assert facts["engine"] == "pptx"


def test_hidden_slides_and_shapes_are_left_out_unless_requested(read):
    content = pptx(
        {
            "a": slide(shape("shown"), shape("HIDDEN", more='hidden="1"')),
            "b": slide(shape("hidden slide"), more='show="0"'),
            "c": slide(shape("last"), more='show="1"'),
        }
    )

    pages, facts = read(content)
    every, _ = read(content, include_hidden=True)

    assert [page.text for page in pages] == ["shown", "last"]
    assert facts["hidden_slides"] == 1
    assert facts["warnings"] == ["1 hidden slide left out (include_hidden)"]
    assert [page.text for page in every] == ["shown", "hidden slide", "last"]


def test_groups_tables_and_line_breaks_are_read(read):
    def cell(text, more=""):
        return (
            f"<a:tc {more}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
            "</a:txBody></a:tc>"
        )

    table = (
        "<p:graphicFrame><a:graphic><a:graphicData><a:tbl>"
        f"<a:tr>{cell('jar')}{cell('5')}</a:tr><a:tr>{cell('lid')}{cell('7')}</a:tr>"
        "<a:tr>"
        + cell("both", "gridSpan='2'")
        + cell("", "hMerge='1'")
        + "</a:tr>"
        + "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    )
    group = f"<p:grpSp><p:grpSp>{shape('deep')}</p:grpSp>{shape('less')}</p:grpSp>"
    broken = shape("one</a:t></a:r><a:br/><a:r><a:t>two")

    pages, _ = read(pptx({"a": slide(group, table, broken)}))

    assert pages[0].text == "deep\nless\njar\t5\nlid\t7\nboth\none\ntwo"
    assert "| jar | 5 |\n| --- | --- |\n| lid | 7 |\n| both |  |" in pages[0].markdown


def test_charts_and_diagrams_are_read(read):
    frame = "<p:graphicFrame><a:graphic>{}</a:graphic></p:graphicFrame>"
    content = pptx(
        {
            "a": slide(
                frame.format('<c:chart r:id="c"/>'),
                frame.format('<dgm:relIds r:dm="d"/>'),
            )
        },
        targets={
            "a": {
                "c": ("chart", "../charts/chart1.xml"),
                "d": ("diagramData", "../diagrams/data1.xml"),
            }
        },
        **{"charts/chart1.xml": CHART, "diagrams/data1.xml": DIAGRAM},
    )

    assert read(content)[0][0].text.split() == [
        *("Sales", "North", "Spring", "0.3", "Autumn", "12", "First", "Detail"),
        "Second",
    ]


def test_notes_follow_their_slide_and_comments_are_read_on_request(read):
    notes = slide(shape("7", "sldNum"), shape("Say hello", "body"), root="notes")
    content = pptx(
        {"a": slide(shape("shown"), shape("3", "sldNum"), shape("Ltd", "ftr"))},
        targets={
            "a": {
                "n": ("notesSlide", "../notesSlides/notes1.xml"),
                "c": ("comments", "../comments/comment1.xml"),
            }
        },
        **{
            "notesSlides/notes1.xml": notes,
            "comments/comment1.xml": f'<p:cmLst {ALL}><p:cm authorId="0">'
            "<p:text>Why?</p:text></p:cm></p:cmLst>",
            "commentAuthors.xml": f'<p:cmAuthorLst {ALL}><p:cmAuthor id="0" '
            'name="Ada"/></p:cmAuthorLst>',
        },
    )

    assert read(content)[0][0].text == "shown\nLtd\nSay hello"
    assert read(content, include_comments=True)[0][0].text.endswith("\nAda: Why?")


def test_automatic_numbers_of_paragraphs_are_read(read):
    def numbered(style, level=0, start=""):
        return f'<a:pPr lvl="{level}"><a:buAutoNum type="{style}" {start}/></a:pPr>'

    def line(text, properties):
        return f"<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>"

    body = "".join(
        [
            line("a", numbered("arabicPeriod", start='startAt="4"')),
            line("b", numbered("alphaLcParenR", 1)),
            line("c", numbered("alphaLcParenR", 1)),
            line("d", numbered("arabicPeriod")),
            line("plain", ""),
            line("e", numbered("romanUcParenBoth")),
            line("point", '<a:pPr><a:buChar char="•"/></a:pPr>'),
        ]
    )
    pages, _ = read(pptx({"a": slide(f"<p:sp><p:txBody>{body}</p:txBody></p:sp>")}))

    assert pages[0].text.split("\n") == [
        *("4. a", "a) b", "b) c", "5. d", "plain", "(I) e", "point"),
    ]
    assert pages[0].markdown.endswith("- (I) e\n- point")


def test_alternatives_are_read_once(read):
    content = slide(
        f"<mc:AlternateContent><mc:Choice Requires='x'>{shape('once')}</mc:Choice>"
        f"<mc:Fallback>{shape('TWICE')}</mc:Fallback></mc:AlternateContent>"
    )

    assert read(pptx({"a": content}))[0][0].text == "once"


@pytest.mark.parametrize(
    "kind",
    [
        "presentationml.slideshow",
        "presentationml.template",
        "powerpoint.presentation.macroEnabled",
        "powerpoint.slideshow.macroEnabled",
    ],
)
def test_shows_templates_and_macros_are_read_like_presentations(read, kind):
    pages, facts = read(pptx({"a": slide(shape("text"))}, kind=kind), name="a.docx")

    assert pages[0].text == "text"
    assert facts["media_type"].endswith("presentationml.presentation")


@pytest.mark.parametrize(
    ("slides", "note"),
    [
        ({}, "no slides"),
        ({"a": slide(shape("x"), more='show="0"')}, "all slides are hidden"),
        ({"a": slide()}, "no text"),
    ],
)
def test_a_presentation_without_text_says_so(read, slides, note):
    pages, facts = read(pptx(slides))

    assert [page.text for page in pages] == [""]
    assert facts["note"] == note


def test_a_damaged_slide_is_noted_and_the_others_are_read(read):
    pages, facts = read(pptx({"a": slide(shape("text")), "b": "<broken"}))

    assert [page.text for page in pages] == ["text", ""]
    assert facts["note"] == "1 of 2 slides could not be read"
    assert facts["warnings"] == ["slide 2 could not be read"]
    with pytest.raises(Unreadable, match=r"^a\.pptx: .*damaged"):
        read(pptx({"b": "<broken"}))


def test_presentations_hold_to_the_limits(read):
    many = pptx({"a": slide(shape("x" * 90))}, order=["a"] * 20)

    with pytest.raises(LimitExceeded, match="20 slides"):
        read(many, max_pages=10)
    with pytest.raises(LimitExceeded, match="max_characters"):
        read(many, max_characters=1000)
    with pytest.raises(Unreadable, match="document type"):
        read(pptx({"a": "<!DOCTYPE x [<!ENTITY a 'b'>]>" + slide(shape("&a;"))}))


def with_masters(layout="", master="", *slides):
    """Two slides on one layout; what the layout and its master show."""
    targets = {"l": ("slideLayout", "../slideLayouts/l.xml")}
    return pptx(
        {f"s{n}": content for n, content in enumerate(slides)},
        targets={f"s{n}": targets for n in range(len(slides))},
        **{
            "slideLayouts/l.xml": layout,
            "slideLayouts/_rels/l.xml.rels": relations(
                {"m": ("slideMaster", "../slideMasters/m.xml")}
            ),
            "slideMasters/m.xml": master,
            "slideMasters/_rels/m.xml.rels": relations(
                {
                    "m": ("slideMaster", "../slideMasters/m.xml"),
                    "l": ("slideLayout", "../slideLayouts/l.xml"),
                }
            ),
        },
    )


PROMPT = shape("Click to edit", "title") + shape("Click to edit text", "body")


def test_text_of_layouts_and_masters_is_read_once_without_their_prompts(read):
    content = with_masters(
        slide(PROMPT, shape("Quay division"), root="sldLayout"),
        slide(PROMPT, shape("Harrow Ltd."), root="sldMaster"),
        *(slide(shape("one")), slide(shape("two"))),
    )

    pages, _ = read(content)

    assert [page.text for page in pages] == ["one\nQuay division\nHarrow Ltd.", "two"]


def test_text_of_masters_that_is_not_shown_is_not_read(read):
    hides = 'showMasterSp="0"'
    content = with_masters(
        slide(shape("Layout"), root="sldLayout", more=hides),
        slide(shape("Master"), root="sldMaster"),
        *(slide(shape("one"), more=hides), slide(shape("two"))),
    )

    pages, _ = read(content)

    assert [page.text for page in pages] == ["one", "two\nLayout"]


def test_a_damaged_layout_costs_no_slide(read):
    content = with_masters("<p:sldLayout", "<", slide(shape("one")))

    pages, facts = read(content)

    assert [page.text for page in pages] == ["one"]
    assert "note" not in facts


def drawing(described, kind="pic", more=""):
    return (
        f'<p:{kind}><p:nvPicPr><p:cNvPr id="4" name="Picture 3" descr="{described}" '
        f"{more}/><p:cNvPicPr/></p:nvPicPr></p:{kind}>"
    )


@pytest.mark.parametrize(
    ("drawn", "shown"),
    [
        (drawing("A map of the&#xA;harbour"), ["A map of the harbour"]),
        (drawing("Sales by year", "graphicFrame"), ["Sales by year"]),
        (drawing("Three people", "grpSp"), ["Three people"]),
        (drawing("picture3.jpg"), []),
        (drawing("A logo", more='hidden="1"'), []),
        (drawing("A box", "sp"), []),
        (drawing(""), []),
    ],
)
def test_descriptions_of_pictures_are_read(read, drawn, shown):
    (page,), _ = read(pptx({"a": slide(shape("before"), drawn, shape("after"))}))

    assert page.text.split("\n") == ["before", *shown, "after"]

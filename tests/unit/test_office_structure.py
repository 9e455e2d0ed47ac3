"""Structure of office files as Markdown: headings, lists, tables, code, links."""

import time

import pytest
from support.office import ALL, docx, odf, p, pptx, slide
from support.patience import patient

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract


@pytest.fixture
def markdown(tmp_path):
    def markdown(content, name, **settings):
        path = tmp_path / name
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            return "\n\n".join(page.markdown for page in extraction)

    return markdown


def named_style(key, name, run=""):
    return (
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/>'
        f"<w:rPr>{run}</w:rPr></w:style>"
    )


def styled(text, key):
    return p(text, f'<w:pStyle w:val="{key}"/>')


def run(text, properties=""):
    return (
        f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'
    )


def cell(text, properties=""):
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{text}</w:tc>"


def table(*rows):
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def bullets(*levels):
    made = "".join(
        f'<w:lvl w:ilvl="{place}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for place, (kind, text) in enumerate(levels)
    )
    return (
        f'<w:numbering {ALL}><w:abstractNum w:abstractNumId="7">{made}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num></w:numbering>'
    )


def item(text, place=0, style=""):
    number = f'<w:numPr><w:ilvl w:val="{place}"/><w:numId w:val="1"/></w:numPr>'
    return p(text, (f'<w:pStyle w:val="{style}"/>' if style else "") + number)


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("heading 3", 3),
        ("Überschrift 2", 2),
        ("Titre 1", 1),
        ("標題 4", 4),
        ("Заголовок 2", 2),
        ("Heading 2 Numbered", 2),
    ],
)
def test_headings_are_known_by_the_names_of_their_styles(markdown, name, level):
    styles = f"<w:styles {ALL}>{named_style('a1', name)}</w:styles>"
    content = docx(styled("Terms", "a1") + p("text"), styles=styles)

    assert markdown(content, "a.docx") == f"{'#' * level} Terms\n\ntext"


def test_items_have_the_depth_that_their_style_names(markdown):
    styles = (
        f"<w:styles {ALL}>{named_style('a', 'List Bullet')}"
        f"{named_style('b', 'List Bullet 2')}</w:styles>"
    )
    numbering = bullets(("bullet", "-"))
    body = item("one", style="a") + item("two", style="b") + item("three", style="a")
    content = docx(body, styles=styles, numbering=numbering)

    assert markdown(content, "a.docx") == "- one\n  - two\n- three"


def test_a_list_that_does_not_begin_with_one_is_still_within_its_item(markdown):
    numbering = bullets(("decimal", "%1."), ("decimal", "%2)")).replace(
        '<w:start w:val="1"/>', '<w:start w:val="9"/>'
    )
    body = item("a") + item("b") + item("c", 1) + item("d", 1)

    assert markdown(docx(body, numbering=numbering), "a.docx") == (
        "9. a\n10. b\n\n    9) c\n    10) d"
    )


def test_merged_cells_are_repeated_and_paragraphs_of_cells_are_lines(markdown):
    restart, goes_on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    wide = '<w:gridSpan w:val="2"/>'
    content = table(
        cell(p("A"), restart) + cell(p("B"), wide) + cell(p("x|y")),
        cell(p(), goes_on) + cell(p("c") + p("d")) + cell(p()) + cell(p("1 * 2")),
        cell(p("E"), wide + restart) + cell(p("f")) + cell(p("g")),
        cell(p(), wide + goes_on)
        + cell(p("h"))
        + cell(table(cell(p("i")) + cell(p("j")))),
        cell(p("alone"), '<w:gridSpan w:val="4"/>'),
    )

    assert markdown(docx(content), "a.docx") == (
        "| A | B | B | x\\|y |\n| --- | --- | --- | --- |\n"
        "| A | c<br>d |  | 1 \\* 2 |\n| E | E | f | g |\n| E | E | h | i j |\n"
        "| alone |  |  |  |"
    )


def test_emphasis_is_merged_and_never_beside_a_letter_as_text(markdown):
    bold, italic = "<w:b/>", "<w:i/>"
    body = (
        f"<w:p>{run('all ')}{run('in', bold)}{run(' ', bold)}{run('one', bold)}{run('.')}"
        f"</w:p><w:p>{run('Note:', bold)}{run('word')}{run('a', bold)}{run('b', italic)}</w:p>"
    )

    assert markdown(docx(body), "a.docx") == "all **in one**.\n\n**Note**:word**a**b"


def test_lines_in_a_font_for_code_are_code(markdown):
    styles = f"<w:styles {ALL}>{named_style('c', 'Source Code')}</w:styles>"
    font = '<w:rFonts w:ascii="Courier New"/>'
    body = (
        styled("if a &lt; b:", "c")
        + styled("    *c*", "c")
        + p("ls -l", run=font)
        + f"<w:p>{run('run ')}{run('a`b', font)}</w:p>"
    )

    assert markdown(docx(body, styles=styles), "a.docx") == (
        "```\nif a < b:\n    *c*\nls -l\n```\n\nrun `` a`b ``"
    )


def test_fields_are_links_and_scripts_are_none(markdown):
    def field(code, text):
        marks = [
            f'<w:r><w:fldChar w:fldCharType="{k}"/></w:r>'
            for k in ("begin", "separate", "end")
        ]
        return (
            f"{marks[0]}<w:r><w:instrText>{code}</w:instrText></w:r>{marks[1]}"
            f"{run(text)}{marks[2]}"
        )

    inner = field(r" HYPERLINK \l &quot;place&quot;", "three")
    body = (
        f"<w:p>{field(' HYPERLINK &quot;https://x.org/a&quot; ', 'one')}{run(' two ')}"
        f"{inner}"
        '<w:fldSimple w:instr="HYPERLINK &quot;javascript:x()&quot;">'
        f"{run(' four')}</w:fldSimple>{run(' five')}</w:p>"
    )

    assert (
        markdown(docx(body), "a.docx") == "[one](https://x.org/a) two three four five"
    )


def test_cells_that_cover_others_are_repeated_in_opendocument(markdown):
    def row(*cells):
        return f"<table:table-row>{''.join(cells)}</table:table-row>"

    def one(text, across=1, down=1):
        return (
            f'<table:table-cell table:number-columns-spanned="{across}" '
            f'table:number-rows-spanned="{down}"><text:p>{text}</text:p>'
            "</table:table-cell>"
        )

    covered = "<table:covered-table-cell/>"
    body = (
        "<table:table>"
        + row(one("A", 2, 2), covered, one("B<text:line-break/>C"))
        + row(covered, covered, one("D"))
        + row(one("E"), one("F"), one("G"))
        + "</table:table>"
    )

    assert markdown(odf(body), "a.odt") == (
        "| A | A | B<br>C |\n| --- | --- | --- |\n| A | A | D |\n| E | F | G |"
    )


def test_a_second_paragraph_of_an_item_stays_in_the_list(markdown):
    body = (
        '<text:list text:style-name="L"><text:list-item><text:p>a</text:p>'
        "<text:p>b</text:p></text:list-item><text:list-item><text:p>c</text:p>"
        "</text:list-item></text:list>"
    )
    automatic = (
        '<text:list-style style:name="L"><text:list-level-style-bullet '
        'text:level="1" text:bullet-char="-"/></text:list-style>'
    )

    assert markdown(odf(body, automatic=automatic), "a.odt") == "- a\n\n  b\n\n- c"


def test_cells_that_cover_others_are_repeated_on_slides(markdown):
    def cell(text, more=""):
        return (
            f"<a:tc {more}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
            "</a:txBody></a:tc>"
        )

    content = (
        "<p:graphicFrame><a:graphic><a:graphicData><a:tbl>"
        "<a:tr>"
        + cell("A", 'gridSpan="2" rowSpan="2"')
        + cell("", 'hMerge="1"')
        + cell("B")
        + "</a:tr><a:tr>"
        + cell("", 'gridSpan="2" vMerge="1"')
        + cell("", 'hMerge="1" vMerge="1"')
        + cell("C")
        + "</a:tr>"
        "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    )

    assert markdown(pptx({"s": slide(content)}), "a.pptx") == (
        "| A | A | B |\n| --- | --- | --- |\n| A | A | C |"
    )


def test_absurd_spans_take_bounded_time_and_space(markdown):
    wide = '<w:gridSpan w:val="999999"/><w:vMerge/>'
    first = cell(
        p("x" * 1_000), '<w:gridSpan w:val="999999"/><w:vMerge w:val="restart"/>'
    )
    content = docx(
        table(first + cell(p("y")), *[cell(p(), wide) + cell(p("z"))] * 1_000)
    )

    begun = time.process_time()
    found = markdown(content, "a.docx")

    assert time.process_time() - begun < patient(5)
    assert len(found) < 6_000_000


@pytest.mark.parametrize("name", ["a.docx", "a.odt", "a.pptx", "a.rtf"])
def test_without_structure_office_files_have_text_alone(tmp_path, name):
    made = {
        "a.docx": docx(p("text")),
        "a.odt": odf("<text:p>text</text:p>"),
        "a.pptx": pptx(
            {
                "s": slide(
                    "<p:sp><p:txBody><a:p><a:r><a:t>text</a:t></a:r></a:p></p:txBody></p:sp>"
                )
            }
        ),
        "a.rtf": b"{\\rtf1 text}",
    }
    path = tmp_path / name
    path.write_bytes(made[name])
    document = Document(id="d", name=name, path=path, size=path.stat().st_size)

    found = {}
    for structure in ("auto", "off"):
        with extract(document, settings=load(structure=structure)) as extraction:
            [found[structure]] = extraction

    assert (found["auto"].text, found["auto"].markdown) == ("text", "text")
    assert (found["off"].text, found["off"].markdown) == ("text", None)


def test_merged_cells_links_and_code_of_rich_text(markdown):
    content = (
        r"{\rtf1{\fonttbl{\f0 Arial;}{\f1\fmodern Courier New;}}"
        r"\trowd\clvmgf\cellx100\clmgf\cellx200\clmrg\cellx300"
        r"\intbl A\cell B\cell\cell\row"
        r"\trowd\clvmrg\cellx100\cellx200\cellx300\intbl\cell c\line d\cell e\cell\row"
        r"\pard\f0 see {\field{\*\fldinst{HYPERLINK \"https://x.org/a\" }}{\fldrslt{here}}}"
        r" now, {\field{\*\fldinst HYPERLINK \\l \"b\"}{\fldrslt there}}\par"
        r"{\outlinelevel1 Title\par}\pard\f1 if x:\par\f0 end}"
    )

    assert markdown(content.replace('\\"', '"').encode(), "a.rtf") == (
        "| A | B | B |\n| --- | --- | --- |\n| A | c<br>d | e |\n\n"
        "see [here](https://x.org/a) now, there\n\n## Title\n\n```\nif x:\n```\n\nend"
    )


def test_text_between_the_items_of_a_list_is_part_of_one(markdown):
    numbering = bullets(("decimal", "%1."), ("bullet", "-"))
    body = (
        item("a")
        + item("b", 1)
        + p("more of b")
        + item("c", 1)
        + p("outside")
        + item("d")
        + p("after")
    )

    assert markdown(docx(body, numbering=numbering), "a.docx") == (
        "1. a\n   - b\n\n     more of b\n\n   - c\n\noutside\n\n2. d\n\nafter"
    )


@pytest.mark.slow
def test_a_table_of_many_rows_is_read_in_time_in_proportion(markdown):
    def rows(count):
        return table(
            *[cell(p(f"{n * 7919}")) + cell(p(f"{n * 104729}")) for n in range(count)]
        )

    seconds = []
    for count in (20_000, 200_000):
        content = docx(rows(count))
        begun = time.process_time()
        assert markdown(content, "a.docx").count("\n") == count
        seconds.append(time.process_time() - begun)

    assert seconds[1] < 30 * seconds[0]

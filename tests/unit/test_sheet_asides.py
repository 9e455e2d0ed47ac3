"""Text boxes, titles of charts and comments follow the cells of their sheet."""

import io
import zipfile

import pytest
from support.office import ALL, DIAGRAM, relations
from support.workbooks import packed, row, xlsx

from docprogress.documents import Document
from docprogress.errors import LimitExceeded
from docprogress.settings import load
from docprogress.steps.extract import extract

DRAWING = (
    'xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
    + ALL
)
ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
    'xmlns:chart="urn:oasis:names:tc:opendocument:xmlns:chart:1.0" '
    'xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


@pytest.fixture
def read(tmp_path):
    def read(content, name="a.xlsx", **settings):
        path = tmp_path / "document"
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load(**settings)) as extraction:
            return list(extraction)

    return read


def box(text, more=""):
    paragraphs = "".join(
        f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n")
    )
    return (
        f'<xdr:sp><xdr:nvSpPr><xdr:cNvPr id="1" name="x" {more}/></xdr:nvSpPr>'
        f"<xdr:txBody>{paragraphs}</xdr:txBody></xdr:sp>"
    )


def title(text):
    return f"<c:title><c:tx><c:rich><a:p><a:r><a:t>{text}</a:t></a:r></a:p></c:rich></c:tx></c:title>"


def workbook(*sheets, related=None, **parts):
    """A workbook whose first sheet has these relations."""
    parts = {name.replace("__", "/"): part for name, part in parts.items()}
    content = io.BytesIO(xlsx(*sheets))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(
            "xl/worksheets/_rels/sheet0.xml.rels", relations(related or {})
        )
        for name, part in parts.items():
            archive.writestr(f"xl/{name}.xml", part)
    return content.getvalue()


def drawn(drawing, **parts):
    return workbook(
        row(1, "a", "b"),
        related={"d": ("drawing", "../drawings/d.xml")},
        drawings__d=f"<xdr:wsDr {DRAWING}>{drawing}</xdr:wsDr>",
        **parts,
    )


def test_text_boxes_follow_the_cells(read):
    content = drawn(box("A *box*\nof text") + box("HIDDEN", 'hidden="1"') + box("two"))

    [page] = read(content)

    assert page.text == "a\tb\n\nA *box*\nof text\n\ntwo"
    assert page.markdown.endswith("\n\nA \\*box\\*  \nof text\n\ntwo")


def test_titles_of_charts_are_read_and_their_data_is_not_repeated(read):
    linked = "<c:title><c:tx><c:strRef><c:strCache><c:pt><c:v>Linked</c:v></c:pt></c:strCache></c:strRef></c:tx></c:title>"
    chart = (
        f"<c:chartSpace {ALL}><c:chart>{title('Sales')}<c:ser><c:tx><c:v>series</c:v>"
        f"</c:tx><c:val><c:pt><c:v>42</c:v></c:pt></c:val></c:ser>"
        f"<c:catAx>{title('Year')}</c:catAx><c:valAx>{linked}</c:valAx></c:chart></c:chartSpace>"
    )
    content = drawn(
        '<xdr:graphicFrame><a:graphic><c:chart r:id="c"/></a:graphic></xdr:graphicFrame>',
        charts__c=chart,
    )
    with zipfile.ZipFile(packed_file := io.BytesIO(content), "a") as archive:
        archive.writestr(
            "xl/drawings/_rels/d.xml.rels",
            relations({"c": ("chart", "../charts/c.xml")}),
        )

    [page] = read(packed_file.getvalue())

    assert page.text == "a\tb\n\nSales\n\nYear\n\nLinked"


def comments(*found, authors=("Ada",)):
    names = "".join(f"<author>{name}</author>" for name in authors)
    made = "".join(
        f'<comment ref="{ref}" authorId="0"><text><r><t>{text}</t></r></text></comment>'
        for ref, text in found
    )
    return f"<comments><authors>{names}</authors><commentList>{made}</commentList></comments>"


def test_comments_are_read_if_requested(read):
    content = workbook(
        row(1, "a", "b") + row(2, "c", attributes='hidden="1"'),
        related={"c": ("comments", "../comments1.xml")},
        comments1=comments(("B1", "Ada:\nCheck this"), ("A2", "on a hidden row")),
    )

    [page] = read(content)
    [with_comments] = read(content, include_comments=True)
    [every] = read(content, include_comments=True, include_hidden=True)

    assert page.text == "a\tb"
    assert with_comments.text == "a\tb\n\n[B1] Ada: Check this"
    assert every.text.endswith("[B1] Ada: Check this\n\n[A2] Ada: on a hidden row")


def test_threads_of_comments_are_read_once_with_their_authors(read):
    thread = (
        '<ThreadedComments><threadedComment ref="A1" personId="{1}"><text>Why?</text>'
        '</threadedComment><threadedComment ref="A1" personId="{2}" parentId="x"><text>'
        "Because</text></threadedComment></ThreadedComments>"
    )
    content = workbook(
        row(1, "a"),
        related={
            "c": ("comments", "../comments1.xml"),
            "t": ("threadedComment", "../threadedComments/t.xml"),
        },
        comments1=comments(
            ("A1", "[Threaded comment]\n\nYour version … Comment: Why?")
        ),
        threadedComments__t=thread,
        persons__person='<personList><person displayName="Ada" id="{1}"/><person displayName="Bo" id="{2}"/></personList>',
    )

    [page] = read(content, include_comments=True)

    assert page.text == "a\n\n[A1] Ada: Why?\n\n[A1] Bo: Because"


def test_diagrams_are_read(read):
    with zipfile.ZipFile(
        content := io.BytesIO(
            drawn(
                "<xdr:graphicFrame><a:graphic><dgm:relIds r:dm='m' r:lo='l'/></a:graphic>"
                "</xdr:graphicFrame>"
            )
        ),
        "a",
    ) as archive:
        archive.writestr(
            "xl/drawings/_rels/d.xml.rels",
            relations({"m": ("diagramData", "../diagrams/data.xml")}),
        )
        archive.writestr("xl/diagrams/data.xml", DIAGRAM)

    [page] = read(content.getvalue())

    assert page.text == "a\tb\n\nFirst\nDetail\nSecond"


def test_a_damaged_drawing_costs_no_cells(read):
    content = workbook(
        row(1, "a", "b"),
        related={
            "d": ("drawing", "../drawings/d.xml"),
            "m": ("drawing", "../drawings/missing.xml"),
            "c": ("comments", "../c.xml"),
        },
        drawings__d="<xdr:wsDr",
        c="<comments><",
    )

    [page] = read(content, include_comments=True)

    assert page.text == "a\tb"


def test_characters_of_text_boxes_are_limited(read):
    with pytest.raises(LimitExceeded, match="max_characters"):
        read(drawn(box("x" * 2_000)), max_characters=1_000)


def ods(sheet, **objects):
    content = f"<office:document-content {ODF}><office:body><office:spreadsheet>{sheet}</office:spreadsheet></office:body></office:document-content>"
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": content,
            **{f"{name}/content.xml": part for name, part in objects.items()},
        }
    )


SHEET = (
    '<table:table table:name="One"><table:shapes><draw:frame><draw:text-box><text:p>A '
    "<text:span>box</text:span></text:p><text:p>of text</text:p></draw:text-box>"
    '</draw:frame><draw:frame><draw:object xlink:href="./Object"/></draw:frame>'
    "</table:shapes><table:table-row><table:table-cell><office:annotation><dc:creator>"
    "Ada</dc:creator><dc:date>2024</dc:date><text:p>Check</text:p><text:p>this</text:p>"
    "</office:annotation><text:p>cell</text:p><draw:custom-shape><text:p>on the cell"
    "</text:p></draw:custom-shape></table:table-cell></table:table-row></table:table>"
    '<table:table table:name="Two"><table:table-row><table:table-cell><text:p>second'
    "</text:p></table:table-cell></table:table-row></table:table>"
)
CHART = f"<office:document-content {ODF}><chart:chart><chart:title><text:p>Sales</text:p></chart:title><table:table><text:p>data</text:p></table:table></chart:chart></office:document-content>"


def test_open_document_sheets_have_text_boxes_charts_and_comments(read):
    content = ods(SHEET, Object=CHART)

    one, two = read(content, "a.ods")
    with_comments, _ = read(content, "a.ods", include_comments=True)

    shown = "cell\n\nA box\nof text\n\non the cell\n\nSales"
    assert one.text == shown
    assert with_comments.text == f"{shown}\n\n[A1] Ada: Check this"
    assert two.text == "second"


def test_an_object_that_is_missing_costs_no_cells(read):
    one, _ = read(ods(SHEET), "a.ods")

    assert "cell" in one.text
    assert "Sales" not in one.text

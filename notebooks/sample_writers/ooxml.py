"""Word, Excel and PowerPoint files."""

import re

from . import slide_master
from .content import Content, Heading, Prose, Table, escape, xml, zipped

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"


def docx(content: Content, *, main: str = "wordprocessingml.document.main") -> bytes:
    body = "".join(map(_word, content.blocks))
    styles = (
        f'<w:styles xmlns:w="{_W}"><w:style w:type="paragraph" w:styleId="Heading1">'
        '<w:name w:val="heading 1"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>'
        "</w:styles>"
    )
    return zipped(
        {
            "[Content_Types].xml": _types(
                {"/word/document.xml": main, "/word/styles.xml": _WORD_STYLES}
            ),
            "_rels/.rels": _root("word/document.xml"),
            "docProps/core.xml": _core(content),
            "word/_rels/document.xml.rels": _links([("styles", "styles.xml")]),
            "word/document.xml": xml(
                f'<w:document xmlns:w="{_W}"><w:body>{body}<w:sectPr/></w:body>'
                "</w:document>"
            ),
            "word/styles.xml": xml(styles),
        }
    )


def docm(content: Content) -> bytes:
    """A Word document with the type of one that may have macros."""
    return docx(content, main="application/vnd.ms-word.document.macroEnabled.main+xml")


_WORD_STYLES = "wordprocessingml.styles"


def _word(block: Heading | Prose | Table) -> str:
    match block:
        case Heading(text):
            return _word_paragraph(text, '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>')
        case Prose(text):
            return _word_paragraph(text)
        case Table(rows):
            made = "".join(
                "<w:tr>"
                + "".join(f"<w:tc>{_word_paragraph(cell)}</w:tc>" for cell in row)
                + "</w:tr>"
                for row in rows
            )
            return f"<w:tbl>{made}</w:tbl>"


def _word_paragraph(text: str, properties: str = "") -> str:
    # Word splits runs wherever it pleases, also inside a word.
    middle = len(text) // 2
    runs = "".join(
        f'<w:r><w:t xml:space="preserve">{escape(part)}</w:t></w:r>'
        for part in (text[:middle], text[middle:])
        if part
    )
    return f"<w:p>{properties}{runs}</w:p>"


def xlsx(content: Content) -> bytes:
    """A workbook with a sheet for each section; prose is a row of one cell."""
    parts: dict[str, str | bytes] = {}
    names, strings = [], []
    for number, (name, blocks) in enumerate(content.sections(), 1):
        rows: list[tuple[str, ...]] = []
        for block in blocks:
            rows += block.rows if isinstance(block, Table) else [(block.text,)]
        parts[f"xl/worksheets/sheet{number}.xml"] = _sheet(rows, strings)
        names.append(_sheet_name(name))
    sheets = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(names, 1)
    )
    types = {f"/{part}": "spreadsheetml.worksheet" for part in parts}
    shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
    links = [("worksheet", part.removeprefix("xl/")) for part in parts]
    parts["xl/sharedStrings.xml"] = xml(
        f'<sst xmlns="{_S}" count="{len(strings)}" uniqueCount="{len(strings)}">'
        f"{shared}</sst>"
    )
    types |= {
        "/xl/workbook.xml": "spreadsheetml.sheet.main",
        "/xl/sharedStrings.xml": "spreadsheetml.sharedStrings",
    }
    return zipped(
        parts
        | {
            "[Content_Types].xml": _types(types),
            "_rels/.rels": _root("xl/workbook.xml"),
            "docProps/core.xml": _core(content),
            "xl/_rels/workbook.xml.rels": _links(
                [*links, ("sharedStrings", "sharedStrings.xml")]
            ),
            "xl/workbook.xml": xml(
                f'<workbook xmlns="{_S}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets>'
                "</workbook>"
            ),
        }
    )


def _sheet_name(text: str) -> str:
    return re.sub(r"[\[\]:*?/\\]", " ", text)[:31]


def _sheet(rows: list[tuple[str, ...]], strings: list[str]) -> str:
    made = []
    for number, row in enumerate(rows, 1):
        cells = []
        for column, text in enumerate(row):
            place = f"{chr(65 + column)}{number}"
            if re.fullmatch(r"-?(?:0|[1-9]\d{0,8})(?:\.\d*[1-9])?", text):
                cells.append(f'<c r="{place}"><v>{text}</v></c>')
            else:
                cells.append(f'<c r="{place}" t="s"><v>{len(strings)}</v></c>')
                strings.append(text)
        made.append(f'<row r="{number}">{"".join(cells)}</row>')
    return xml(
        f'<worksheet xmlns="{_S}"><sheetData>{"".join(made)}</sheetData></worksheet>'
    )


def pptx(content: Content) -> bytes:
    """A presentation with a slide for each section."""
    parts: dict[str, str | bytes] = dict(slide_master.PARTS)
    types = {
        "/ppt/presentation.xml": "presentationml.presentation.main",
        **slide_master.TYPES,
    }
    slides = []
    for number, (title, blocks) in enumerate(content.sections(), 1):
        # The parts' numbers are not their order.
        part = f"ppt/slides/slide{100 - number}.xml"
        shapes = [_shape(2, title, kind="title")]
        shapes += [
            _grid(number, block) if isinstance(block, Table) else _shape(9, block.text)
            for block in blocks
        ]
        parts[part] = xml(
            f'<p:sld xmlns:p="{_P}" xmlns:a="{_A}" xmlns:r="{_OFFICE}"><p:cSld>'
            '<p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/>'
            f"</p:nvGrpSpPr><p:grpSpPr/>{''.join(shapes)}</p:spTree></p:cSld></p:sld>"
        )
        types[f"/{part}"] = "presentationml.slide"
        parts[part.replace("slides/", "slides/_rels/") + ".rels"] = _links(
            [("slideLayout", "../slideLayouts/slideLayout1.xml")]
        )
        slides.append(part.removeprefix("ppt/"))
    ids = "".join(
        f'<p:sldId id="{255 + number}" r:id="rId{number}"/>'
        for number in range(1, len(slides) + 1)
    )
    return zipped(
        parts
        | {
            "[Content_Types].xml": _types(types),
            "_rels/.rels": _root("ppt/presentation.xml"),
            "docProps/core.xml": _core(content),
            "ppt/_rels/presentation.xml.rels": _links(
                [
                    *(("slide", part) for part in slides),
                    ("slideMaster", "slideMasters/slideMaster1.xml"),
                ]
            ),
            "ppt/presentation.xml": xml(
                f'<p:presentation xmlns:p="{_P}" xmlns:r="{_OFFICE}">'
                '<p:sldMasterIdLst><p:sldMasterId id="2147483648" '
                f'r:id="rId{len(slides) + 1}"/></p:sldMasterIdLst>'
                f'<p:sldIdLst>{ids}</p:sldIdLst><p:sldSz cx="9144000" cy="6858000"/>'
                "</p:presentation>"
            ),
        }
    )


def _shape(number: int, text: str, *, kind: str = "") -> str:
    place = f'<p:ph type="{kind}"/>' if kind else ""
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name="Text {number}"/><p:cNvSpPr/>'
        f"<p:nvPr>{place}</p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/>"
        f"{_drawn(text)}</p:txBody></p:sp>"
    )


def _grid(number: int, table: Table) -> str:
    columns = "<a:gridCol w='900000'/>" * max(map(len, table.rows))
    rows = "".join(
        '<a:tr h="300000">'
        + "".join(
            f"<a:tc><a:txBody><a:bodyPr/>{_drawn(cell)}</a:txBody><a:tcPr/></a:tc>"
            for cell in row
        )
        + "</a:tr>"
        for row in table.rows
    )
    return (
        f'<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="{40 + number}" '
        'name="Table"/>'
        "<p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm>"
        '<a:off x="0" y="4000000"/><a:ext cx="900000" cy="900000"/></p:xfrm><a:graphic>'
        '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/table">'
        f"<a:tbl><a:tblPr/><a:tblGrid>{columns}</a:tblGrid>{rows}</a:tbl>"
        "</a:graphicData></a:graphic></p:graphicFrame>"
    )


def _drawn(text: str) -> str:
    return f"<a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p>"


def _types(parts: dict[str, str]) -> str:
    types = {
        part: kind if kind.startswith("application/") else f"{_TYPE}.{kind}+xml"
        for part, kind in parts.items()
    }
    overrides = "".join(
        f'<Override PartName="{part}" ContentType="{kind}"/>'
        for part, kind in types.items()
    )
    return xml(
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="'
        'application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/docProps/core.xml" ContentType="'
        'application/vnd.openxmlformats-package.core-properties+xml"/>'
        f"{overrides}</Types>"
    )


def _root(target: str) -> str:
    return xml(
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="{target}"/>'
        f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/'
        'core-properties" Target="docProps/core.xml"/></Relationships>'
    )


def _links(targets: list[tuple[str, str]]) -> str:
    made = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return xml(
        f'<Relationships xmlns="{_PACKAGE}/relationships">{made}</Relationships>'
    )


def _core(content: Content) -> str:
    return xml(
        f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{escape(content.title)}</dc:title>"
        f"<dc:creator>{escape(content.author)}</dc:creator></cp:coreProperties>"
    )

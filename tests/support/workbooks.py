"""Makes small workbooks of given XML, as spreadsheet programs write them."""

import io
import zipfile
from collections.abc import Mapping, Sequence

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_PROPERTIES = (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/'
    'metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:dcterms="http://purl.org/dc/terms/"><dc:title>Figures</dc:title>'
    "<dc:creator>A. Writer</dc:creator>"
    "<dcterms:created>2024-05-06T07:08:09Z</dcterms:created></cp:coreProperties>"
)


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP file of these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def xlsx(
    *sheets: str,
    strings: Sequence[str] = (),
    formats: Sequence[str] = (),
    names: Sequence[str] = (),
    states: Mapping[int, str] = {},
    macros: bool = False,
    since_1904: bool = False,
) -> bytes:
    """An Excel workbook.

    Args:
        sheets: What each sheet's `<worksheet>` contains; `<row>`s alone will do.
        strings: The XML of each shared string.
        formats: A number format for each style, from 1 on; style 0 is "General".
        names: The names of the sheets.
        states: `hidden` or `veryHidden`, by the number of a sheet.
        macros: Whether it is an .xlsm.
        since_1904: Whether it counts days from 1904 on.
    """
    kind = (
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
        if macros
        else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    )
    relations = "".join(
        f'<Relationship Id="r{number}" Type="{_RELATIONS}/worksheet" '
        f'Target="worksheets/sheet{number}.xml"/>'
        for number in range(len(sheets))
    )
    listed = "".join(
        f'<sheet name="{names[number] if names else f"Sheet{number + 1}"}" '
        f'sheetId="{number + 1}" state="{states.get(number, "visible")}" '
        f'r:id="r{number}"/>'
        for number in range(len(sheets))
    )
    codes = "".join(
        f'<numFmt numFmtId="{164 + number}" formatCode="{code}"/>'
        for number, code in enumerate(formats)
    )
    styles = "".join(f'<xf numFmtId="{164 + n}"/>' for n in range(len(formats)))
    parts = {
        "[Content_Types].xml": f'<Types><Override PartName="/xl/workbook.xml" ContentType="{kind}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "docProps/core.xml": _PROPERTIES,
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><workbookPr date1904="{int(since_1904)}"/><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{relations}<Relationship Id="s" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="t" Type="{_RELATIONS}/styles" Target="/xl/styles.xml"/></Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{"".join(strings)}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts>{codes}</numFmts><cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>{styles}</cellXfs></styleSheet>',
    }
    for number, sheet in enumerate(sheets):
        if not sheet.startswith("<row"):
            content = sheet
        else:
            content = f"<sheetData>{sheet}</sheetData>"
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}">{content}</worksheet>'
        )
    return packed(parts)


def row(number: int, *cells: str, attributes: str = "") -> str:
    """A row; cells are text, or XML that begins with `<c`."""
    return (
        f'<row r="{number}" {attributes}>'
        + "".join(
            cell
            if cell.startswith("<c")
            else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'
            for cell in cells
        )
        + "</row>"
    )


def number(value: float | str, style: int = 0, at: str = "") -> str:
    """A cell with a number."""
    place = f'r="{at}"' if at else ""
    return f'<c {place} s="{style}"><v>{value}</v></c>'

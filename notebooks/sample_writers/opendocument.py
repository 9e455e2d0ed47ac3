"""OpenDocument text, spreadsheets and presentations."""

from .content import Content, Heading, Prose, Table, escape, quoteattr, xml, zipped

_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_NAMESPACES = " ".join(
    f'xmlns:{name}="{_OASIS}:{space}:1.0"'
    for name, space in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("draw", "drawing"),
        ("presentation", "presentation"),
        ("meta", "meta"),
        ("manifest", "manifest"),
    )
)


def odt(content: Content) -> bytes:
    return _package("text", content, "".join(map(_block, content.blocks)))


def ods(content: Content) -> bytes:
    """A spreadsheet with a sheet for each section; prose is a row of one cell."""
    sheets = ""
    for name, blocks in content.sections():
        rows: list[tuple[str, ...]] = []
        for block in blocks:
            rows += block.rows if isinstance(block, Table) else [(block.text,)]
        sheets += _table(rows, name)
    return _package("spreadsheet", content, sheets)


def odp(content: Content) -> bytes:
    """A presentation with a slide for each section."""
    slides = ""
    for number, (title, blocks) in enumerate(content.sections(), 1):
        frames = _frame(f"<draw:text-box>{_line(title)}</draw:text-box>", "title")
        for block in blocks:
            inside = (
                _table(block.rows, "Table")
                if isinstance(block, Table)
                else f"<draw:text-box>{_line(block.text)}</draw:text-box>"
            )
            frames += _frame(inside)
        slides += f'<draw:page draw:name="page{number}">{frames}</draw:page>'
    return _package("presentation", content, slides)


def _block(block: Heading | Prose | Table) -> str:
    match block:
        case Heading(text):
            return f'<text:h text:outline-level="1">{escape(text)}</text:h>'
        case Prose(text):
            return _line(text)
        case Table(rows):
            return _table(rows, "Table")


def _line(text: str) -> str:
    middle = len(text) // 2
    return (
        f"<text:p>{escape(text[:middle])}<text:span>{escape(text[middle:])}"
        "</text:span></text:p>"
    )


def _table(rows: list[tuple[str, ...]] | tuple[tuple[str, ...], ...], name: str) -> str:
    made = "".join(
        "<table:table-row>"
        + "".join(
            '<table:table-cell office:value-type="string">'
            f"<text:p>{escape(cell)}</text:p></table:table-cell>"
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    return f"<table:table table:name={quoteattr(name)}>{made}</table:table>"


def _frame(inside: str, kind: str = "") -> str:
    kind = f' presentation:class="{kind}"' if kind else ""
    return f"<draw:frame{kind}>{inside}</draw:frame>"


def _package(kind: str, content: Content, body: str) -> bytes:
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    files = "".join(
        f'<manifest:file-entry manifest:full-path="{path}" '
        f'manifest:media-type="{type_}"/>'
        for path, type_ in (
            ("/", mimetype),
            ("content.xml", "text/xml"),
            ("meta.xml", "text/xml"),
        )
    )
    return zipped(
        {
            "mimetype": mimetype,
            "content.xml": xml(
                f'<office:document-content {_NAMESPACES} office:version="1.3">'
                f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
                "</office:document-content>"
            ),
            "meta.xml": xml(
                f"<office:document-meta {_NAMESPACES} "
                'xmlns:dc="http://purl.org/dc/elements/1.1/" office:version="1.3">'
                f"<office:meta><dc:title>{escape(content.title)}</dc:title>"
                f"<meta:initial-creator>{escape(content.author)}</meta:initial-creator>"
                f"<dc:creator>{escape(content.author)}</dc:creator></office:meta>"
                "</office:document-meta>"
            ),
            "META-INF/manifest.xml": xml(
                f'<manifest:manifest {_NAMESPACES} manifest:version="1.3">{files}'
                "</manifest:manifest>"
            ),
        },
        first="mimetype",
    )

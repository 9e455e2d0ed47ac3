"""Read Jupyter notebooks as Markdown: texts, fenced code, and its output as text."""

import re
from collections.abc import Iterator

import msgspec

from docprogress.documents import Document, Page
from docprogress.errors import Unreadable
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    decode_text,
    read_bytes,
    single_page,
    too_long,
)
from docprogress.steps.text import clean_title

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_FENCES = re.compile(r"^ {0,3}(`{3,})", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)

_Lines = str | list[str] | None


class _Data(msgspec.Struct):
    """The forms of an output that are text; images are skipped unread."""

    markdown: _Lines = msgspec.field(name="text/markdown", default="")
    plain: _Lines = msgspec.field(name="text/plain", default="")


class _Output(msgspec.Struct):
    output_type: str
    text: _Lines = ""
    data: _Data | None = None
    ename: str | None = None
    evalue: str | None = None


class _Cell(msgspec.Struct):
    # Required: it keeps a list of a hundred million empty objects from being made.
    cell_type: str
    source: _Lines = ""
    #: The source in notebooks before format 4.
    input: _Lines = ""
    level: int = 1
    outputs: list[_Output] = []


class _Language(msgspec.Struct):
    name: str | None = None
    language: str | None = None


class _Metadata(msgspec.Struct):
    title: str | None = None
    language_info: _Language = msgspec.field(default_factory=_Language)
    kernelspec: _Language = msgspec.field(default_factory=_Language)


class _Worksheet(msgspec.Struct):
    cells: list[_Cell]


class _Notebook(msgspec.Struct):
    cells: list[_Cell] = []
    #: Where the cells are before format 4.
    worksheets: list[_Worksheet] = []
    metadata: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a notebook as one page."""

    def pages() -> Iterator[Page]:
        notebook = _decoded(document, read_bytes(document, settings), facts)
        facts["engine"] = "notebook"
        pieces = []
        left = settings.max_characters
        metadata = _metadata(notebook)
        for piece in _pieces(notebook, metadata):
            left -= len(piece)
            if left < 0:
                raise too_long(document, settings)
            pieces.append(piece)
        page = single_page("\n\n".join(pieces), facts)
        if title := metadata.title or _first_heading(notebook):
            facts["title"] = clean_title(title)
        yield Page(number=1, text=page.text, markdown=page.text)

    return Extraction(pages(), total=1, facts=facts)


def _decoded(document: Document, data: bytes, facts: Facts) -> _Notebook:
    text = decode_text(document, data, facts).text
    try:
        return msgspec.json.decode(text, type=_Notebook, strict=False)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        reason = str(error).split(" - ")[0].splitlines()[0][:200]
        raise Unreadable(
            f"{document.name}: a notebook that is damaged or cut short ({reason})"
        ) from error


def _cells(notebook: _Notebook) -> Iterator[_Cell]:
    yield from notebook.cells
    for worksheet in notebook.worksheets:
        yield from worksheet.cells


def _metadata(notebook: _Notebook) -> _Metadata:
    try:
        return msgspec.json.decode(notebook.metadata, type=_Metadata)
    except (msgspec.MsgspecError, RecursionError):
        return _Metadata()  # no reason to reject the cells


def _pieces(notebook: _Notebook, metadata: _Metadata) -> Iterator[str]:
    language = metadata.language_info.name or metadata.kernelspec.language or ""
    language = language if re.fullmatch(r"[\w+#.-]{1,40}", language) else ""
    for cell in _cells(notebook):
        source = (_joined(cell.source) or _joined(cell.input)).strip("\n")
        if cell.cell_type == "heading":
            source = f"{'#' * min(max(cell.level, 1), 6)} {source}"
        elif cell.cell_type == "code" and source.strip():
            source = _fenced(source, language)
        if source.strip():
            yield source
        for output in cell.outputs:
            yield from _output(output)


def _output(output: _Output) -> Iterator[str]:
    data = output.data or _Data()
    if markdown := _joined(data.markdown).strip():
        yield markdown
        return
    text = _joined(data.plain) or _joined(output.text)
    if output.output_type in ("error", "pyerr"):
        text = f"{output.ename}: {output.evalue}"
    text = _ESCAPES.sub("", text).strip("\n")
    if text.strip():
        yield _fenced(text, "")


def _fenced(text: str, language: str) -> str:
    longest = max((len(fence) for fence in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _joined(lines: _Lines) -> str:
    return lines if isinstance(lines, str) else "".join(lines or ())


def _first_heading(notebook: _Notebook) -> str:
    for cell in _cells(notebook):
        if cell.cell_type == "heading":
            return _joined(cell.source)
        if cell.cell_type == "markdown":
            found = _HEADING.search(_joined(cell.source))
            if found:
                return found[1]
    return ""

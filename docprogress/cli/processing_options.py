"""Options of the commands that process documents."""

from enum import StrEnum
from typing import Annotated

import typer


class PdfEngine(StrEnum):
    """The library that reads PDFs."""

    AUTO = "auto"
    PDFIUM = "pdfium"
    PYPDF = "pypdf"


class Ocr(StrEnum):
    """The choices of `--ocr`."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class OcrEngine(StrEnum):
    """The choices of `--ocr-engine`."""

    RAPIDOCR = "rapidocr"
    TESSERACT = "tesseract"


Case = Annotated[
    str | None, typer.Option(metavar="ID", help="Case the documents belong to.")
]
Steps = Annotated[
    list[str] | None,
    typer.Option(
        "--step", metavar="MODULE:FUNCTION", help="Add your own step; repeatable."
    ),
]
EmbedderName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="hashing, wordllama, universal-sentence-encoder, "
        "sentence-transformers:MODEL, openai:MODEL.",
    ),
]
PdfEngineChoice = Annotated[
    PdfEngine | None, typer.Option(help="Library that reads PDFs.")
]
OcrChoice = Annotated[
    Ocr | None, typer.Option(help="Pages whose text is recognised in an image.")
]
OcrEngineChoice = Annotated[
    OcrEngine | None, typer.Option(help="Program that recognises it.")
]
Sink = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Vector store that documents are stored in."),
]
Priority = Annotated[
    int, typer.Option(metavar="N", help="Before (1, 2, …) or after (-1) others.")
]

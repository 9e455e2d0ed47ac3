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
    str | None, typer.Option(metavar="ID", help="Case that the documents belong to.")
]
Steps = Annotated[
    list[str] | None,
    typer.Option(
        "--step",
        metavar="MODULE:FUNCTION",
        help="Add a custom step. Can be repeated.",
    ),
]
EmbedderName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Embedding model: hashing, wordllama, universal-sentence-encoder, "
        "sentence-transformers:MODEL or openai:MODEL.",
    ),
]
PdfEngineChoice = Annotated[
    PdfEngine | None,
    typer.Option(
        metavar="ENGINE", help="Library that reads PDFs: auto, pdfium or pypdf."
    ),
]
OcrChoice = Annotated[
    Ocr | None,
    typer.Option(
        metavar="WHEN",
        help="When to recognise text in images: auto (pages without text), always or "
        "never.",
    ),
]
OcrEngineChoice = Annotated[
    OcrEngine | None,
    typer.Option(metavar="ENGINE", help="OCR engine: rapidocr or tesseract."),
]
Sink = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Vector store to also write chunks to."),
]
Priority = Annotated[
    int,
    typer.Option(
        metavar="N", help="Run before other runs (1, 2, …) or after them (-1)."
    ),
]

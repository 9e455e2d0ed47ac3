"""What reading costs: structure beside none, and none beside PDFium alone.

By the processor time of one process, since a wall clock tells of a busy machine.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import pypdfium2
from corpus import pdfs, slices
from measuring import Row, compared, interleaved
from surroundings import short_folder

from docprogress.documents import Document, Page
from docprogress.settings import Settings, load
from docprogress.steps.chunk import chunk
from docprogress.steps.extract import extract

#: Pages of each document.
PAGES = 10


def structure(rounds: int, documents: int, source: Path | None) -> Iterator[Row]:
    """Microseconds a page, with structure and without, and by PDFium alone."""
    with short_folder() as folder:
        if source is None:
            paths = pdfs(folder, documents=documents, pages=PAGES)
        else:
            paths = slices(folder, source, documents=documents, pages=PAGES)
        auto, off, bare = interleaved(
            rounds,
            lambda: _cost(lambda: _ours(paths, "auto")),
            lambda: _cost(lambda: _ours(paths, "off")),
            lambda: _cost(lambda: _bare(paths)),
        )
        chunked, unstructured = interleaved(
            rounds, _chunking(paths, "auto"), _chunking(paths, "off")
        )
    what = f"{documents} PDFs of {PAGES} pages"
    unit = "µs/page"
    yield compared(f"{what}, structure auto beside off", auto, off, unit=unit)
    yield compared(f"{what}, structure off beside PDFium", off, bare, unit=unit)
    yield compared(f"{what}, chunks, auto beside off", chunked, unstructured, unit=unit)


def _cost(read: Callable[[], int]) -> float:
    """Microseconds of processor time for each page."""
    began = time.process_time()
    pages = read()
    return (time.process_time() - began) / pages * 1e6


def _settings(kind: Literal["auto", "off"]) -> Settings:
    return load(structure=kind, ocr="never")


def _read(path: Path, settings: Settings) -> list[Page]:
    document = Document(id="d", name=path.name, path=path, size=path.stat().st_size)
    with extract(document, settings=settings) as pages:
        return list(pages)


def _ours(paths: Sequence[Path], kind: Literal["auto", "off"]) -> int:
    settings = _settings(kind)
    return sum(len(_read(path, settings)) for path in paths)


def _bare(paths: Sequence[Path]) -> int:
    pages = 0
    for path in paths:
        with pypdfium2.PdfDocument(path) as pdf:
            for page in pdf:
                content = page.get_textpage()
                content.get_text_range()
                content.close()
                page.close()
            pages += len(pdf)
    return pages


def _chunking(
    paths: Sequence[Path], kind: Literal["auto", "off"]
) -> Callable[[], float]:
    settings = _settings(kind)
    read = [_read(path, settings) for path in paths]

    def split() -> int:
        for pages in read:
            list(chunk(pages, settings=settings))
        return sum(map(len, read))

    return lambda: _cost(split)

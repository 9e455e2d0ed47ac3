"""PDFs whose structure is known: with tags and without, tables with lines and without.

A browser prints the sources of the other kinds. Reports of several pages, in one column
or two, are written by a browser and by reportlab, which knows of no tags.
"""

import atexit
import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from sources import (
    Block,
    Cell,
    Heading,
    Item,
    Items,
    Paragraph,
    Source,
    Table,
    Truth,
    truth,
)
from truths import SCRIPTS

BORDERS = "table{border-collapse:collapse} td,th{border:1px solid #444;padding:3px 6px}"
# A table that continues on the next page would be two.
BREAKS = "table{break-inside:avoid}"
NONE = "td,th{padding:3px 10px;text-align:left} table{margin:12px 0}"
LOOKS = (
    "body{font:11pt/1.4 'DejaVu Serif',serif}",
    "body{font:10pt/1.3 'DejaVu Sans',sans-serif} h3{font-size:1em}",
    "body{font:12pt/1.5 serif;text-align:justify} h1{text-align:center}",
)

_WORDS = """
contract supplier delivery invoice market report quarter revenue region customer service
machine energy water pressure account balance figure sample method result paper section
measure control system network storage worker message queue process document reader page
annual average total growth margin index factor model series source target review board
"""


# Six levels that can be told apart where a font has no bold letters, as most of Chinese.
SIZES = "".join(
    f"h{level}{{font-size:{size}em}}"
    for level, size in enumerate((2.2, 1.8, 1.55, 1.35, 1.22, 1.14), 1)
)

#: Scripts whose letters stand in a PDF in another order than in the text: what is to be
#: compared here is structure.
REORDERED = ("arabic", "hebrew", "thai", "devanagari")


class Browser:
    """A browser that is started once."""

    def __init__(self) -> None:
        self._page: Any = None

    def print(self, html: str, path: Path, *, tagged: bool) -> None:
        if self._page is None:
            self._start()
        self._page.set_content(html)
        self._page.pdf(path=path, format="A4", tagged=tagged)

    def _start(self) -> None:
        from playwright.sync_api import sync_playwright

        names = ("chromium", "chromium-browser", "google-chrome")
        executable = next(filter(None, map(shutil.which, names)), None)
        stack = contextlib.ExitStack()
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        stack.callback(chromium.close)
        atexit.register(stack.close)
        self._page = chromium.new_page()


_browser = Browser()


def printed(*, tagged: bool) -> Callable[[Source, Path], Truth]:
    """The sources of the other kinds, printed by a browser."""

    def write(source: Source, path: Path) -> Truth:
        from structure_writers import html_body

        if SCRIPTS[source.name] in REORDERED:
            source = Source(source.name, source.number, tuple(_report(source.number)))
        style = f"{LOOKS[source.number % len(LOOKS)]} {SIZES} {BORDERS}"
        page = _html(html_body(source), style)
        _browser.print(page, path, tagged=tagged)
        return truth(source)

    return write


def reported(*, borders: bool) -> Callable[[Source, Path], Truth]:
    """Reports, printed by a browser without tags."""

    def write(source: Source, path: Path) -> Truth:
        from structure_writers import html_body

        report = Source(source.name, source.number, tuple(_report(source.number)))
        style = LOOKS[source.number % len(LOOKS)] + (BORDERS if borders else NONE)
        _browser.print(_html(html_body(report), style), path, tagged=False)
        return truth(report)

    return write


def _html(body: str, style: str) -> str:
    return f"<!doctype html><meta charset=utf-8><style>{style}{BREAKS}</style>{body}"


def laid_out(*, borders: bool, columns: int = 1) -> Callable[[Source, Path], Truth]:
    """Reports, laid out by reportlab."""

    def write(source: Source, path: Path) -> Truth:
        report = Source(source.name, source.number, tuple(_report(source.number)))
        _lay_out(report, path, borders=borders, columns=columns)
        return truth(report)

    return write


def _lay_out(source: Source, path: Path, *, borders: bool, columns: int) -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    width, height = A4
    inner = (width - 100 - 20 * (columns - 1)) / columns
    frames = [
        Frame(50 + number * (inner + 20), 60, inner, height - 120)
        for number in range(columns)
    ]

    def decorate(canvas: Any, document: Any) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(56, height - 40, "Quarterly report of the working group")
        canvas.drawCentredString(width / 2, 30, str(document.page))

    document = BaseDocTemplate(str(path), pagesize=A4)
    template = PageTemplate("page", frames, onPage=decorate)
    document.addPageTemplates([template])
    size = 9 + source.number % 3
    document.build(list(_flowables(source, size, borders=borders)))


def _flowables(source: Source, size: int, *, borders: bool) -> Iterator[Any]:
    from reportlab.lib import colors
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph as Text
    from reportlab.platypus import Spacer
    from reportlab.platypus import Table as Grid

    family = ("Helvetica", "Times-Roman")[source.number % 2]
    bold = ("Helvetica-Bold", "Times-Bold")[source.number % 2]
    leading = 1.25 * size
    body = ParagraphStyle("b", fontName=family, fontSize=size, leading=leading)
    body.spaceAfter = size * 0.7
    sizes = {1: size * 1.9, 2: size * 1.45, 3: size * (1.2 if source.number % 3 else 1)}
    for block in source.blocks:
        match block:
            case Heading(level, text):
                style = ParagraphStyle(f"h{level}", body, fontName=bold)
                style.fontSize = sizes[level]
                style.leading = 1.2 * sizes[level]
                style.spaceBefore = size
                yield Text(escape(text), style)
            case Paragraph(text):
                yield Text(escape(text), body)
            case Items(items):
                numbers: dict[int, int] = {}
                for item in items:
                    numbers = {k: n for k, n in numbers.items() if k <= item.depth}
                    numbers[item.depth] = numbers.get(item.depth, 0) + 1
                    mark = f"{numbers[item.depth]}." if block.ordered else "•"
                    style = ParagraphStyle("i", body, leftIndent=18 * (item.depth + 1))
                    style.bulletIndent = 18 * item.depth + 4
                    style.spaceAfter = 2
                    yield Text(escape(item.text), style, bulletText=mark)
                yield Spacer(1, size)
            case Table():
                cell = ParagraphStyle("c", body, spaceAfter=0)
                long = max(len(c.text) for row in block.rows for c in row) > 40
                rows = [
                    [Text(escape(c.text), cell) if long else c.text for c in row]
                    for row in block.rows
                ]
                lines = [("GRID", (0, 0), (-1, -1), 0.5, colors.black)]
                fonts = [
                    ("FONT", (0, 0), (-1, -1), family, size),
                    ("FONT", (0, 0), (-1, 0), bold, size),
                    ("ALIGN", (1, 1), (-1, -1), "LEFT" if long else "RIGHT"),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ]
                widths = [90, 70, 160][: len(rows[0])] if long else None
                style = fonts + (lines if borders else [])
                style.append(("NOSPLIT", (0, 0), (-1, -1)))
                yield Grid(rows, widths, style=style, spaceAfter=size)


def _report(number: int) -> Iterator[Block]:
    chance = random.Random(number)

    def words(least: int, most: int) -> str:
        count = chance.randint(least, most)
        text = " ".join(chance.choice(_WORDS.split()) for _ in range(count))
        return text[0].upper() + text[1:]

    def prose() -> Paragraph:
        return Paragraph(
            " ".join(f"{words(6, 14)}." for _ in range(chance.randint(3, 7)))
        )

    numbered = number % 2 == 0
    yield Heading(1, words(3, 5))
    yield prose()
    for section in range(1, 4):
        prefix = f"{section} " if numbered else ""
        yield Heading(2, f"{prefix}{words(2, 4)}")
        yield prose()
        yield _items(words, ordered=(number + section) % 2 == 0)
        yield prose()
        for part in range(1, 3):
            prefix = f"{section}.{part} " if numbered else ""
            yield Heading(3, f"{prefix}{words(2, 5)}")
            yield prose()
            yield _figures(chance, words) if part == 1 else _texts(words)
            yield prose()


def _items(words: Callable[[int, int], str], *, ordered: bool) -> Items:
    depths = (0, 0, 1, 1, 0, 0)
    return Items(tuple(Item(depth, words(3, 6)) for depth in depths), ordered)


def _figures(chance: random.Random, words: Callable[[int, int], str]) -> Table:
    years = [str(year) for year in range(2019, 2019 + chance.randint(3, 5))]
    head = tuple(map(Cell, (words(1, 1), *years)))
    rows = tuple(
        (
            Cell(words(1, 3)),
            *(Cell(f"{chance.randint(1, 99_999):,}") for _ in years),
        )
        for _ in range(chance.randint(4, 8))
    )
    return Table((head, *rows))


def _texts(words: Callable[[int, int], str]) -> Table:
    head = tuple(Cell(words(1, 1)) for _ in range(3))
    rows = tuple(
        (Cell(words(1, 2)), Cell(words(1, 1)), Cell(words(2, 12))) for _ in range(5)
    )
    return Table((head, *rows))


WRITERS = {
    "PDF, tags": (".pdf", printed(tagged=True)),
    "PDF, no tags": (".pdf", printed(tagged=False)),
    "PDF, ruled, printed": (".pdf", reported(borders=True)),
    "PDF, ruled": (".pdf", laid_out(borders=True)),
    "PDF, unruled, printed": (".pdf", reported(borders=False)),
    "PDF, unruled": (".pdf", laid_out(borders=False)),
    "PDF, two columns": (".pdf", laid_out(borders=True, columns=2)),
}

_SHARES = {"headings": 0.9, "levels": 0.9, "precision": 0.9, "items": 0.9, "cells": 0.9}
WANTED = {
    kind: _SHARES | ({"cells": 0.75} if "unruled" in kind else {}) for kind in WRITERS
}

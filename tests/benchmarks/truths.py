"""Files of each kind, with the text that a reader should find in them."""

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import scans
from scans import Look

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

from sample_writers import bundled, ooxml, opendocument, plain  # noqa: E402
from sample_writers.content import Content, Heading, Prose, Table  # noqa: E402

TEXTS = Path(__file__).with_name("texts")

#: The text in each language, and the script of each.
LANGUAGES: dict[str, str] = {}
SCRIPTS: dict[str, str] = {}
for _path in sorted(TEXTS.glob("*.txt")):
    _script, _language = _path.stem.split("-")
    LANGUAGES[_language] = _path.read_text("utf-8").strip()
    SCRIPTS[_language] = _script

CLEAN = Look()
NOISY = Look(dpi=150, noise=0.12, jpeg=60)

#: How pages in the languages below are printed and scanned, beside these two.
LOOKS = (
    Look(dpi=300, points=9),
    Look(dpi=200, points=8),
    Look(dpi=200, skew=1.5, jpeg=75),
    Look(dpi=150, points=10),
    Look(dpi=100, points=12),
)
IN_EACH_LOOK = ("en", "zh", "ja")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A file and its truth."""

    #: What it is counted under.
    kind: str
    path: Path
    truth: str


def printed(folder: Path, look: Look, languages: Iterable[str]) -> Iterator[Case]:
    """A scanned page in each language that there is a font for, now PNG, now PDF."""
    for language, as_pdf in zip(
        languages, itertools.cycle((True, False)), strict=False
    ):
        if scans.font(language) is None:
            continue
        page = scans.picture(LANGUAGES[language], language, look)
        path = folder / f"{language}-{look.dpi}.{'pdf' if as_pdf else 'png'}"
        path.write_bytes(scans.pdf([page], look) if as_pdf else scans.png(page, look))
        yield Case(
            kind=f"scan, {SCRIPTS[language]}, {look}",
            path=path,
            truth=LANGUAGES[language],
        )


def contents() -> Iterator[Content]:
    """A document in each language, and one in all of them."""
    sections = []
    for language, text in LANGUAGES.items():
        first, *rest = text.split("\n\n")
        words = first.replace(" ", "")
        rows = tuple(
            (words[number : number + 6], f"{1.25 * number:g}", f"A-{number}")
            for number in range(1, 6)
        )
        blocks = (
            Heading(f"{SCRIPTS[language].title()} {language}"),
            Prose(first),
            Table(rows),
            *map(Prose, rest),
        )
        sections.append(blocks)
        yield Content(title=rest[-1][:40], blocks=blocks, language=language)
    yield Content(title="All of them", blocks=tuple(itertools.chain(*sections)))


class Kind(NamedTuple):
    suffix: str
    write: Callable[[Content], bytes]
    truth: Callable[[Content], str]


def _texts(content: Content) -> str:
    return "\n".join(content.texts())


def _cells(content: Content) -> str:
    """What stands in cells; the names of sheets are their headings."""
    return "\n".join(
        "\n".join(itertools.chain(*block.rows))
        if isinstance(block, Table)
        else block.text
        for block in content.blocks
        if not isinstance(block, Heading)
    )


def _letter(content: Content) -> str:
    return (
        f"From: {content.author} <ida@example.org>\nTo: Jon Vale <jon@example.org>\n"
        f"Date: Fri, 14 Mar 2025 09:30:00 +0000\nSubject: {content.title}\n"
        f"{_texts(content)}"
    )


def _cells_of_code(content: Content) -> str:
    return _texts(content) + "\nprint(6 * 7)\n42"


KINDS = {
    "DOCX": Kind("docx", ooxml.docx, _texts),
    "DOCM": Kind("docm", ooxml.docm, _texts),
    "ODT": Kind("odt", opendocument.odt, _texts),
    "RTF": Kind("rtf", plain.rtf, _texts),
    "PPTX": Kind("pptx", ooxml.pptx, _texts),
    "ODP": Kind("odp", opendocument.odp, _texts),
    "XLSX": Kind("xlsx", ooxml.xlsx, _cells),
    "ODS": Kind("ods", opendocument.ods, _cells),
    "CSV": Kind("csv", plain.separated, _texts),
    "HTML": Kind("html", plain.html, _texts),
    "MHTML": Kind("mhtml", bundled.mhtml, _texts),
    "EPUB": Kind("epub", bundled.epub, _texts),
    "EML": Kind("eml", bundled.eml, _letter),
    "MBOX": Kind("mbox", lambda content: bundled.mbox([content]), _letter),
    "Markdown": Kind("md", plain.markdown, _texts),
    "Jupyter": Kind("ipynb", plain.notebook, _cells_of_code),
}


def written(folder: Path, name: str) -> Iterator[Case]:
    """The documents as files of a kind."""
    kind = KINDS[name]
    for number, content in enumerate(contents()):
        path = folder / f"{number}-{content.language}.{kind.suffix}"
        path.write_bytes(kind.write(content))
        yield Case(kind=name, path=path, truth=kind.truth(content))


def pdfs(folder: Path, browser: str) -> Iterator[Case]:
    """The documents as PDFs that a browser has printed."""
    from playwright.sync_api import sync_playwright

    with (
        sync_playwright() as playwright,
        contextlib.closing(
            playwright.chromium.launch(
                executable_path=browser, args=["--no-sandbox", "--disable-gpu"]
            )
        ) as chromium,
    ):
        page = chromium.new_page()
        for number, content in enumerate(contents()):
            path = folder / f"{number}-{content.language}.pdf"
            page.set_content(plain.html(content).decode())
            page.pdf(path=path, format="A4")
            yield Case(kind="PDF with text", path=path, truth=_texts(content))


#: The encodings that each language is found in, beside those of Unicode.
ENCODINGS = {
    "de": ("iso-8859-1", "cp1252", "iso-8859-15"),
    "fr": ("iso-8859-1", "cp1252", "iso-8859-15"),
    "pl": ("iso-8859-2", "cp1250"),
    "cs": ("iso-8859-2", "cp1250"),
    "hu": ("iso-8859-2", "cp1250"),
    "tr": ("iso-8859-9", "cp1254"),
    "ru": ("cp1251", "koi8-r", "cp866", "iso-8859-5"),
    "el": ("iso-8859-7", "cp1253"),
    "he": ("iso-8859-8", "cp1255"),
    "ar": ("iso-8859-6", "cp1256"),
    "th": ("tis-620", "cp874"),
    "zh": ("gb2312", "gbk", "gb18030"),
    "hant": ("big5", "big5hkscs"),
    "ja": ("shift_jis", "cp932", "euc-jp", "iso-2022-jp"),
    "ko": ("euc-kr", "cp949", "iso-2022-kr"),
}
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")

#: The least and the most bytes of a short text, and the least of a long one.
SHORT = (20, 60)
LONG = 200


def encoded(folder: Path, *, short: bool) -> Iterator[tuple[str, Case]]:
    """Text files in each encoding, each with its language."""
    for language, text in LANGUAGES.items():
        number = 0
        for encoding in (*ENCODINGS.get(language, ()), *UNICODE):
            for part in _fragments(text) if short else text.split("\n\n"):
                with contextlib.suppress(UnicodeEncodeError):
                    data = part.encode(encoding)
                    fits = (
                        SHORT[0] <= len(data) <= SHORT[1]
                        if short
                        else len(data) >= LONG
                    )
                    if not fits or part.isascii():
                        continue
                    number += 1
                    path = folder / f"{language}-{encoding}-{number}.txt"
                    path.write_bytes(data)
                    group = "Unicode" if encoding in UNICODE else "other encodings"
                    yield language, Case(kind=group, path=path, truth=part)


def _fragments(text: str) -> Iterator[str]:
    """The beginnings of sentences, as long as a subject line or a file's name."""
    for sentence in (
        text.replace("\n\n", " ").replace("。", "。\n").replace(". ", ".\n").split("\n")
    ):
        for length in (48, 24, 12):
            yield sentence.strip()[:length].strip()

"""Tesseract: the program of that name on the PATH."""

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from docprogress.errors import SettingsError, StepError
from docprogress.steps.ocr.engine import Recognised

if TYPE_CHECKING:
    from docprogress.steps.ocr.engine import Picture

#: Seconds that the program may take to report its version.
ANSWER_SECONDS = 20.0

#: The level of a word in the program's table.
_WORD = "5"

#: The modes of page segmentation: with and without detecting the page's orientation,
#: for which there is a data file.
_ORIENTED, _UPRIGHT = "1", "3"
_ORIENTATION = "osd"

_LANGUAGE = re.compile(r"[\w/.-]{1,100}")


@lru_cache(maxsize=8)
def engine(languages: tuple[str, ...], *, threads: int) -> "TesseractEngine":
    """The engine of this process for these languages.

    Raises:
        SettingsError: The program or a language is not there.
    """
    return TesseractEngine(languages, threads=threads)


class TesseractEngine:
    """Recognises images with Tesseract.

    Args:
        languages: The names of its data files; empty for English.
        threads: How many threads it may use.

    Raises:
        SettingsError: The program or a language is not there.
    """

    def __init__(self, languages: tuple[str, ...], *, threads: int) -> None:
        self._languages = languages or ("eng",)
        self._environment = os.environ | {"OMP_THREAD_LIMIT": str(threads)}
        there = _installed_languages()
        missing = [each for each in self._languages if each not in there]
        if missing:
            raise SettingsError(
                f"Tesseract has no data for {', '.join(missing)} (ocr_languages); it "
                f"has {', '.join(sorted(there - {_ORIENTATION})) or 'none'}"
            )
        self._mode = _ORIENTED if _ORIENTATION in there else _UPRIGHT
        self.name = f"{describe()} {'+'.join(self._languages)}/1"

    def recognise(self, picture: "Picture", *, dpi: int) -> Recognised:
        command = [_program(), "stdin", "stdout", "--dpi", str(dpi)]
        command += ["-l", "+".join(self._languages), "--psm", self._mode, "tsv"]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
        ) as process:
            try:
                table, complaint = process.communicate(_portable_pixmap(picture))
            except BaseException:
                # Also when the document is cancelled, which interrupts the wait.
                process.kill()
                raise
        if process.returncode:
            reason = complaint.decode(errors="replace").strip()[-500:]
            raise StepError(f"Tesseract failed: {reason or process.returncode}")
        return _text_of(table.decode(errors="replace"))


def describe() -> str:
    """The name and version of the program on the PATH."""
    answer = _ask("--version").splitlines()
    return answer[0].strip() if answer else "tesseract"


def _installed_languages() -> set[str]:
    _, *names = _ask("--list-langs").splitlines() or [""]
    return {name.strip() for name in names if _LANGUAGE.fullmatch(name.strip())}


def _ask(option: str) -> str:
    """The output of the program, which earlier versions write to standard error."""
    try:
        answer = subprocess.run(
            [_program(), option],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingsError(f"Tesseract cannot be started: {error}") from error
    return answer.stdout.decode(errors="replace")


def _program() -> str:
    return shutil.which("tesseract") or "tesseract"


def _portable_pixmap(picture: "Picture") -> bytes:
    """The image in a format without compression."""
    height, width = picture.shape[:2]
    return b"P6 %d %d 255\n" % (width, height) + picture.tobytes()


def _text_of(table: str) -> Recognised:
    """The text of a table of words, and their mean confidence."""
    parts: list[str] = []
    weighted, length = 0.0, 0
    before: tuple[str, ...] | None = None
    for place, word, confidence in _words(table):
        if before is not None:
            same = next((n for n, k in enumerate(place) if k != before[n]), 3)
            parts.append(("\n\n", "\n\n", "\n", " ")[same])
        before = place
        parts.append(word)
        weighted += confidence * len(word)
        length += len(word)
    if not length:
        return Recognised(text="", confidence=None)
    return Recognised(text="".join(parts), confidence=round(weighted / length, 4))


def _words(table: str) -> Iterator[tuple[tuple[str, ...], str, float]]:
    """Block, paragraph and line of each word, the word, and its confidence."""
    rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in rows:
        word = (row.get("text") or "").strip()
        if row.get("level") == _WORD and word:
            place = (row["block_num"], row["par_num"], row["line_num"])
            yield place, word, max(0.0, min(float(row["conf"]) / 100, 1.0))

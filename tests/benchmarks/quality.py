"""How well each kind of file is read: `python tests/benchmarks/quality.py [part …]`.

Known texts and tables are written as files of each kind, read again, and compared with
what was written; markitdown and kreuzberg read the same files, where they are installed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import structure
import truths
from measuring import Row, machine
from scores import Score, normalized, score
from surroundings import NotInstalledError, short_folder
from truths import Case

READING = Path(__file__).with_name("reading.py")

#: Who reads; the first one is ours.
LIBRARIES = ("docprogress", "markitdown", "kreuzberg")

#: The failures of one kind that are printed.
FAILURES = 5

#: The locale of each language whose name is not its own.
LOCALES = {"hant": "zh_TW", "zh": "zh_CN", "ja": "ja_JP", "ko": "ko_KR", "cs": "cs_CZ"}


@dataclass
class Line:
    """How one library read the files of one kind."""

    kind: str
    library: str
    score: Score = field(
        default_factory=lambda: Score(
            characters=0, errors=0, words=0, read=0, common=0, ordered=0
        )
    )
    files: int = 0
    exact: int = 0
    seconds: float = 0.0
    memory: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, case: Case, answer: dict[str, Any]) -> None:
        self.files += 1
        self.score += score(case.truth, answer["text"])
        self.exact += normalized(case.truth) == normalized(answer["text"])
        self.seconds += answer["seconds"]
        self.memory = max(self.memory, answer["memory"])
        if answer["error"]:
            self.failures.append(f"{case.path.name}: {answer['error']}")

    def cells(self) -> tuple[str, ...]:
        return (
            self.kind,
            self.library,
            f"{self.score.error_rate:.1%}",
            f"{self.score.recall:.3f}",
            f"{self.score.precision:.3f}",
            f"{self.score.order:.3f}",
            f"{self.exact} of {self.files}",
            f"{self.files / max(self.seconds, 1e-9):,.1f}",
            f"{self.memory / 2**20:,.0f}",
            f"{len(self.failures)}" if self.failures else "",
        )


HEAD = (
    "kind",
    "read by",
    "character errors",
    "word recall",
    "precision",
    "order",
    "exact",
    "files/s",
    "MiB",
    "failed",
)


class Library:
    """A process that reads files with one library."""

    def __init__(self, name: str, python: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [python, str(READING), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment,
            text=True,
        )
        missing = self._answer()["missing"]
        if missing is not None:
            self.close()
            raise NotInstalledError(f"{name} is not installed: {missing}")

    def read(self, path: Path) -> dict[str, Any]:
        print(json.dumps(str(path)), file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended")
        return json.loads(line)


def read_all(
    cases: Iterable[Case], python: str, libraries: Iterable[str] = LIBRARIES
) -> Iterator[Line]:
    """How each library reads the files, kind by kind; loading it is not counted."""
    cases = list(cases)
    for name in libraries if cases else ():
        lines: dict[str, Line] = {}
        try:
            with Library(
                name, sys.executable if name == LIBRARIES[0] else python
            ) as it:
                it.read(cases[0].path)
                for case in cases:
                    line = lines.setdefault(case.kind, Line(case.kind, name))
                    line.add(case, it.read(case.path))
        except NotInstalledError as reason:
            print(reason, file=sys.stderr)
        yield from lines.values()


def scanned(python: str, *, quick: bool) -> Iterator[Line]:
    """Scanned pages: every script in two looks, three languages in more."""
    without = [name for name in truths.LANGUAGES if truths.scans.font(name) is None]
    if without:
        print(f"skipped, without a font: {', '.join(without)}", file=sys.stderr)
    languages = ["en", "zh"] if quick else list(truths.LANGUAGES)
    plan = [(truths.CLEAN, languages), (truths.NOISY, languages)]
    plan += [] if quick else [(look, truths.IN_EACH_LOOK) for look in truths.LOOKS]
    for look, some in plan:
        with short_folder() as folder:
            # The others would need a recogniser of their own.
            yield from read_all(
                truths.printed(folder, look, some), python, LIBRARIES[:1]
            )


def printed(python: str, *, quick: bool) -> Iterator[Line]:
    """PDFs with text, as a browser prints them."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None or quick:
        print("skipped: PDFs with text, without Chromium", file=sys.stderr)
        return
    with short_folder() as folder:
        yield from read_all(truths.pdfs(folder, browser), python)


def written(python: str, *, quick: bool) -> Iterator[Line]:
    """Office files, mail, books, web pages, text with markup."""
    for name in list(truths.KINDS)[:: 4 if quick else 1]:
        with short_folder() as folder:
            yield from read_all(truths.written(folder, name), python)


def encoded(_: str, *, quick: bool) -> Iterator[Line]:
    """Text files in the encodings of each language."""
    for short in (False, True):
        lines: dict[str, Line] = {}
        size = "20 to 60 bytes" if short else "200 bytes and more"
        with short_folder() as folder:
            cases = defaultdict(list)
            for language, case in truths.encoded(folder, short=short):
                cases[language].append(case)
            for language in list(cases)[:: 4 if quick else 1]:
                # A short text is taken for one in the user's language.
                locale = LOCALES.get(language, f"{language}_{language.upper()}")
                spoken = f"{locale}.UTF-8" if short else "C.UTF-8"
                with Library(LIBRARIES[0], sys.executable, LC_ALL=spoken) as ours:
                    for case in cases[language]:
                        kind = f"text, {size}, {case.kind}"
                        line = lines.setdefault(kind, Line(kind, LIBRARIES[0]))
                        answer = ours.read(case.path)
                        if normalized(answer["text"]) != normalized(case.truth):
                            answer["error"] = answer["error"] or "decoded wrongly"
                        line.add(case, answer)
        yield from lines.values()


PARTS = {"scans": scanned, "pdfs": printed, "files": written, "encodings": encoded}


def rows(python: str, *, quick: bool) -> Iterator[Row]:
    """What is wanted, for the table of `run.py`."""
    for part in PARTS.values():
        yield from judged(part(python, quick=quick))
    yield from structure.rows(python, quick=quick)


def judged(lines: Iterable[Line]) -> Iterator[Row]:
    by_kind: dict[str, dict[str, Line]] = defaultdict(dict)
    for line in lines:
        by_kind[line.kind][line.library] = line
    for kind, sides in by_kind.items():
        ours = sides.pop(LIBRARIES[0])
        if kind.startswith("scan"):
            most = limit(kind)
            rate = ours.score.error_rate
            yield Row(
                what=kind,
                ours=f"{rate:.1%} errors",
                wanted=f"≤ {most:.0%}" if most else "",
                ok=rate <= most if most else None,
            )
        elif kind.startswith("text,"):
            least = 0.9 if "20 to 60" in kind else 0.98
            share = ours.exact / ours.files
            wanted = f"≥ {least:.0%}"
            yield Row(
                what=kind, ours=f"{share:.1%} exact", wanted=wanted, ok=share >= least
            )
        else:
            others = "; ".join(
                f"{name} {line.score.recall:.3f}, {line.score.order:.3f}"
                for name, line in sides.items()
            )
            recall, order = ours.score.recall, ours.score.order
            yield Row(
                what=f"{kind}: word recall, order",
                ours=f"{recall:.3f}, {order:.3f}",
                against=others,
                wanted="≥ 0.995, ≥ 0.99",
                ok=round(recall, 3) >= 0.995 and round(order, 3) >= 0.99,
            )


def limit(kind: str) -> float | None:
    """The most character errors that are wanted of a scan, if any are."""
    _, script, look = kind.split(", ", 2)
    if look == str(truths.CLEAN):
        return {"latin": 0.01, "chinese": 0.03, "japanese": 0.03}.get(script)
    if look == str(truths.NOISY):
        return 0.05 if script in ("latin", "chinese", "japanese") else None
    return None


def aligned(lines: list[Line], *, markdown: bool) -> str:
    table = [HEAD, *(line.cells() for line in lines)]
    if markdown:
        table.insert(1, ("---",) * len(HEAD))
        return "\n".join(f"| {' | '.join(cells)} |" for cells in table)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, tuple("─" * width for width in widths))
    return "\n".join(
        "  ".join(map(str.ljust, cells, widths)).rstrip() for cells in table
    )


def main() -> None:
    """Print the table of what was asked for, and what failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    every = [*PARTS, "structure"]
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(every))
    parser.add_argument("--quick", action="store_true", help="a small part of it")
    parser.add_argument("--markdown", action="store_true", help="for a document")
    parser.add_argument(
        "--failures", action="store_true", help="name some of what failed"
    )
    parser.add_argument("--peers-python", default=sys.executable, metavar="PATH")
    options = parser.parse_args()
    unknown = set(options.parts) - set(every)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    print(machine())
    lines: list[Line] = []
    try:
        for name in options.parts or every:
            print(f"{name} …", file=sys.stderr, flush=True)
            if name == "structure":
                counted = structure.measured(
                    list(structure.WRITERS), options.peers_python, quick=options.quick
                )
                print(structure.table(list(counted), markdown=options.markdown))
            else:
                lines += PARTS[name](options.peers_python, quick=options.quick)
    finally:
        if lines:
            print(aligned(lines, markdown=options.markdown))
        for line in lines if options.failures else ():
            for failure in line.failures[:FAILURES]:
                print(f"{line.library}, {line.kind}: {failure}")


if __name__ == "__main__":
    main()

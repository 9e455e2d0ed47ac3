"""How well headings, lists and tables are found: `structure.py [kind …]`.

Documents whose structure is known are written as files of each kind and read as
Markdown, which markdown-it parses; markitdown reads the same files beside us.

To measure another kind, add a function to `WRITERS`: it writes a source to a file, and
returns what should be found in it.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structure_pdf
import structure_writers
from found_structure import found
from measuring import Row, machine
from sources import Truth, sources
from surroundings import NotInstalledError, short_folder

LIBRARIES = ("docprogress", "markitdown")

WRITERS = structure_writers.WRITERS | structure_pdf.WRITERS

#: What is wanted of each share, where it is not 0.98.
WANTED: dict[str, dict[str, float]] = structure_pdf.WANTED
LEAST = 0.98


@dataclass
class Counts:
    """What was found of the files of one kind by one library."""

    kind: str
    library: str
    files: int = 0
    headings: int = 0
    headings_found: int = 0
    levels: int = 0
    headings_read: int = 0
    items: int = 0
    items_found: int = 0
    cells: int = 0
    cells_found: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def add(self, truth: Truth, answer: dict[str, Any]) -> None:
        read = found(answer["markdown"])
        self.files += 1
        self.seconds += answer["seconds"]
        wanted = [(level, normalized(text)) for level, text in truth.headings]
        given = [(level, normalized(text)) for level, text in read.headings]
        pairs = matched([text for _, text in wanted], [text for _, text in given])
        self.headings += len(wanted)
        self.headings_read += len(given)
        self.headings_found += len(pairs)
        self.levels += sum(wanted[one][0] == given[other][0] for one, other in pairs)
        items = [(depth, normalized(text)) for depth, text in truth.items]
        self.items += len(items)
        self.items_found += len(
            matched(items, [(depth, normalized(text)) for depth, text in read.items])
        )
        self._add_tables(truth.tables, read.tables)

    def _add_tables(
        self, wanted: list[list[list[str]]], given: list[list[list[str]]]
    ) -> None:
        left = [_cells(table) for table in given]
        for table in wanted:
            cells = _cells(table)
            self.cells += len(cells)
            best = max(left, key=lambda one: len(one & cells), default=set())
            self.cells_found += len(best & cells)
            if best & cells:
                left.remove(best)

    def shares(self) -> dict[str, float | None]:
        return {
            "headings": _share(self.headings_found, self.headings),
            "levels": _share(self.levels, self.headings_found),
            "precision": _share(self.headings_found, self.headings_read),
            "items": _share(self.items_found, self.items),
            "cells": _share(self.cells_found, self.cells),
        }


HEAD = (
    *("kind", "read by", "heading recall", "level accuracy", "heading precision"),
    *("list items", "table cells", "files/s"),
)


def normalized(text: str) -> str:
    return " ".join(text.split())


def matched(wanted: list[Any], given: list[Any]) -> list[tuple[int, int]]:
    """The longest common subsequence, as pairs of positions."""
    lengths = [[0] * (len(given) + 1) for _ in range(len(wanted) + 1)]
    for one in range(len(wanted) - 1, -1, -1):
        for other in range(len(given) - 1, -1, -1):
            lengths[one][other] = (
                lengths[one + 1][other + 1] + 1
                if wanted[one] == given[other]
                else max(lengths[one + 1][other], lengths[one][other + 1])
            )
    pairs = []
    one = other = 0
    while one < len(wanted) and other < len(given):
        if wanted[one] == given[other]:
            pairs.append((one, other))
            one, other = one + 1, other + 1
        elif lengths[one + 1][other] >= lengths[one][other + 1]:
            one += 1
        else:
            other += 1
    return pairs


def _cells(table: list[list[str]]) -> set[tuple[int, int, str]]:
    """The cells with content, each with its row and column; empty rows do not count."""
    rows = [row for row in table if any(map(normalized, row))]
    return {
        (number, column, normalized(text))
        for number, row in enumerate(rows)
        for column, text in enumerate(row)
        if normalized(text)
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def measured(kinds: list[str], python: str, *, quick: bool) -> Iterator[Counts]:
    """How each library reads the files of each kind."""
    from quality import Library

    documents = list(sources())[:: 6 if quick else 1]
    for kind in kinds:
        with short_folder() as folder:
            cases = []
            for source in documents:
                suffix, write = WRITERS[kind]
                path = folder / f"{source.name}{suffix}"
                cases.append((path, write(source, path)))
            for name in LIBRARIES:
                counts = Counts(kind, name)
                try:
                    own = sys.executable if name == LIBRARIES[0] else python
                    with Library(name, own) as library:
                        library.read(cases[0][0])
                        for path, truth in cases:
                            answer = library.read(path)
                            counts.add(truth, answer)
                            if answer["error"]:
                                counts.failures.append(f"{path}: {answer['error']}")
                except NotInstalledError as reason:
                    print(reason, file=sys.stderr)
                    continue
                yield counts


def rows(python: str, *, quick: bool) -> Iterator[Row]:
    """What is wanted, for the table of `run.py`."""
    beside: dict[str, dict[str, float | None]] = {}
    counted = list(measured(list(WRITERS), python, quick=quick))
    for counts in counted:
        if counts.library != LIBRARIES[0]:
            beside[counts.kind] = counts.shares()
    for counts in counted:
        if counts.library != LIBRARIES[0]:
            continue
        shares = {key: one for key, one in counts.shares().items() if one is not None}
        least = {key: WANTED.get(counts.kind, {}).get(key, LEAST) for key in shares}
        yield Row(
            what=f"{counts.kind}: {', '.join(shares)}",
            ours=", ".join(f"{one:.3f}" for one in shares.values()),
            against=", ".join(
                f"{one or 0:.3f}"
                for key, one in beside.get(counts.kind, {}).items()
                if key in shares
            ),
            wanted=", ".join(f"≥ {one:g}" for one in least.values()),
            ok=all(round(one, 3) >= least[key] for key, one in shares.items()),
        )


def table(counted: list[Counts], *, markdown: bool) -> str:
    lines = [HEAD]
    for one in counted:
        shares = ["" if x is None else f"{x:.3f}" for x in one.shares().values()]
        speed = f"{one.files / max(one.seconds, 1e-9):,.0f}"
        lines.append((one.kind, one.library, *shares, speed))
    if markdown:
        lines.insert(1, ("---",) * len(HEAD))
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(map(str.ljust, cells, widths)).rstrip() for cells in lines
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="kind", help=", ".join(WRITERS))
    parser.add_argument("--quick", action="store_true", help="a small part of it")
    parser.add_argument("--markdown", action="store_true", help="for a document")
    parser.add_argument("--keep", metavar="FOLDER", help="write the files there only")
    parser.add_argument("--peers-python", default=sys.executable, metavar="PATH")
    options = parser.parse_args()
    unknown = set(options.kinds) - WRITERS.keys()
    if unknown:
        parser.error(f"there is no kind {', '.join(sorted(unknown))}")
    kinds = options.kinds or list(WRITERS)
    if options.keep:
        keep(Path(options.keep), kinds)
        return
    print(machine())
    counted = list(measured(kinds, options.peers_python, quick=options.quick))
    print(table(counted, markdown=options.markdown))
    for one in counted:
        for failure in one.failures[:3]:
            print(f"{one.library}, {one.kind}: {failure}")


def keep(folder: Path, kinds: list[str]) -> None:
    """Write the files, to look at them."""
    for kind in kinds:
        suffix, write = WRITERS[kind]
        inside = folder / kind.replace(" ", "-")
        inside.mkdir(parents=True, exist_ok=True)
        for source in sources():
            write(source, inside / f"{source.name}{suffix}")


if __name__ == "__main__":
    main()

"""How well files with public expected texts are read: `public_texts.py FOLDER …`.

The folders are unpacked sources of pandoc and html2text, whose tests have expected texts.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin
from pandoc_native import text as native_text
from quality import LIBRARIES, Library
from scores import _WORD, Score, normalized, score
from surroundings import NotInstalledError

_MARKDOWN = MarkdownIt("commonmark").enable("table").use(footnote_plugin)

#: What the expected texts have and the files do not show: formulas in LaTeX, the files'
#: own XML, abbreviations' tooltips, marks of code.
_ARTEFACTS = re.compile(
    r"\$\$[^$]*\$\$|^\s*\*\[\w+\]:.*$|^<(?:text|/?office):.*$|\[/?code\]"
    r"|^ {0,3}\[\d+\]: .*$",
    re.MULTILINE,
)
_WRAPPED = re.compile(r"<https?:[^>]*>")
# Addresses with spaces are no links for a parser.
_ADDRESSES = re.compile(r"\]\(https?:[^\n]* [^\n]*\)$", re.MULTILINE)
_NUMBERS = re.compile(r"\]\[\d+\]")
#: A paragraph that the page hides.
_HIDDEN = "Displaynone text"

#: Expected texts that other options make than the default ones, that set words apart
#: which touch, and one that is XML.
_NOT_COMPARED = frozenset(
    (
        *("listBlocks", "html_entities_out_of_text", "lrm_inside_i"),
        *("rlm_inside_strong", "default_image_alt", "images_as_html"),
        *("GoogleDocSaved_two", "no_inline_links_nested"),
        "emphasis_preserved_whitespace",
    )
)
_MARKS = (
    (re.compile(r"!?\[((?:[^\[\]\\]|\\.)*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\\([^\w\s])"), r"\1"),
    (re.compile(r"</?\w[^>]*>"), " "),
    (re.compile(r"[*_`]+"), ""),
)


class Case(NamedTuple):
    """A file with what is in it."""

    kind: str
    path: Path
    truth: str


def cases(folder: Path) -> Iterator[Case]:
    """The files below a folder whose expected texts lie beside them."""
    for path in sorted(folder.rglob("test/**/*.*")):
        kind = path.suffix[1:]
        if kind in ("docx", "epub", "rtf", "odt", "html") and path.is_file():
            truth = _truth(path)
            if truth is not None and _WORD.search(normalized(truth)):
                yield Case(f"{_project(path)}, {kind.upper()}", path, truth)


def _project(path: Path) -> str:
    return next(p for p in path.parts if p.startswith(("pandoc", "html2text")))


def _truth(path: Path) -> str | None:
    if path.stem in _NOT_COMPARED:
        return None
    names = (f"{path.stem}_accept", f"{path.stem}_no_comments", path.stem)
    names = (*names, f"{path.stem}_parse_indent")
    folders = (path.parent, path.parents[1] / "native", path.parents[1] / "markdown")
    for where in folders:
        for name in names:
            if (found := where / f"{name}.native").is_file():
                # A Word file's title and authors are paragraphs of its text.
                shown = path.suffix == ".docx"
                return native_text(found.read_text(), properties=shown)
        if (found := where / f"{path.stem}.md").is_file():
            return markdown_text(found.read_text())
    return None


def markdown_text(markdown: str) -> str:
    """What Markdown shows: without marks, addresses and attributes."""
    markdown = _ARTEFACTS.sub("", markdown).replace(_HIDDEN, "")
    # Lines are wrapped within addresses, too, and links stand in links.
    markdown = _WRAPPED.sub(lambda found: "".join(found[0].split()), markdown)
    markdown = _ADDRESSES.sub("]", _NUMBERS.sub("]", markdown))
    return "".join(_shown(_MARKDOWN.parse(markdown)))


def _shown(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("text", "code_inline", "fence", "code_block"):
            yield token.content
        elif token.type in ("softbreak", "hardbreak"):
            yield "\n"
        elif token.type == "image":
            yield token.content
        elif token.type == "html_block":
            yield re.sub(r"<[^>]*>", "", token.content)
        elif token.children:
            yield from _shown(token.children)
        if token.block:
            yield "\n"


def unmarked(markdown: str) -> str:
    """Markdown without marks, as libraries write it."""
    for mark, shown in _MARKS:
        markdown = mark.sub(shown, markdown)
    return markdown


def scored(case: Case, library: str, read: str) -> Score:
    """The score of what was read; of Markdown, the better one with and without marks."""
    found = score(case.truth, read)
    if library == LIBRARIES[0]:
        return found
    return max(found, score(case.truth, unmarked(read)), key=lambda one: one.recall)


def main() -> None:
    """Print the mean recall and precision by file, and what ours misses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--peers-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--misses", action="store_true")
    options = parser.parse_args()
    every = [case for folder in options.folders for case in cases(folder)]
    scores: dict[str, list[Score]] = {}
    misses: dict[Path, Counter[str]] = {}
    for name in LIBRARIES:
        python = sys.executable if name == LIBRARIES[0] else options.peers_python
        try:
            with Library(name, python) as library:
                texts = [library.read(case.path)["text"] for case in every]
        except NotInstalledError as reason:
            print(reason, file=sys.stderr)
            continue
        pairs = list(zip(every, texts, strict=True))
        scores[name] = [scored(case, name, text) for case, text in pairs]
        if name == LIBRARIES[0]:
            misses = {case.path: _missed(case.truth, text) for case, text in pairs}
    for kind in dict.fromkeys(case.kind for case in every):
        for name, found in scores.items():
            some = [
                s for s, case in zip(found, every, strict=True) if case.kind == kind
            ]
            recall, precision = (
                sum(getattr(one, what) for one in some) / len(some)
                for what in ("recall", "precision")
            )
            print(
                f"{kind:26} {len(some):3} files  {name:12} {recall:.4f} {precision:.4f}"
            )
    for number, case in enumerate(every if options.misses else ()):
        if misses[case.path]:
            each = " ".join(f"{found[number].recall:.3f}" for found in scores.values())
            print(case.path.name, each, *list(misses[case.path].elements())[:20])


def _missed(truth: str, text: str) -> Counter[str]:
    wanted, found = (Counter(_WORD.findall(normalized(one))) for one in (truth, text))
    return wanted - found


if __name__ == "__main__":
    main()

"""Reads files with one library, in a process of its own: `reading.py LIBRARY`.

It runs with any Python that has the library. First it says what is missing, if anything
is, then for each line with a file's path what it has read.
"""

import json
import os
import re
import resource
import sys
import time
from pathlib import Path


def main() -> None:
    # Whatever a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    prepare = {
        "docprogress": _docprogress,
        "markitdown": _markitdown,
        "kreuzberg": _kreuzberg,
    }
    try:
        read = prepare[sys.argv[1]]()
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=answers, flush=True)
        return
    print(json.dumps({"missing": None}), file=answers, flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        text, markdown, pages, error = "", "", 0, None
        try:
            text, markdown, pages = read(Path(json.loads(line)))
            text = _unmarked(text)
        except Exception as reason:  # noqa: BLE001 - any library raises what it likes
            error = f"{type(reason).__name__}: {reason}"[:300]
        answer = {
            "text": text,
            "markdown": markdown,
            "pages": pages,
            "error": error,
            "seconds": time.perf_counter() - began,
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(answer), file=answers, flush=True)


def _docprogress():
    from docprogress.documents import Document
    from docprogress.settings import load
    from docprogress.steps.extract import extract

    settings = load()

    def read(path):
        document = Document(id="d", name=path.name, path=path, size=path.stat().st_size)
        with extract(document, settings=settings) as extraction:
            pages = list(extraction)
        text = "\n".join(page.text for page in pages)
        # A page without Markdown has no structure: its text has no headings or tables.
        marked = "\n\n".join(page.markdown or "" for page in pages)
        return text, marked, len(pages)

    return read


def _markitdown():
    from markitdown import MarkItDown

    converter = MarkItDown()

    def read(path):
        text = converter.convert(path).text_content
        return text, text, 1

    return read


def _kreuzberg():
    import kreuzberg

    def read(path):
        text = kreuzberg.extract_file_sync(str(path)).content
        return text, text, 1

    return read


def _unmarked(text):
    """Markdown without its marks, which are no text of anybody's."""
    text = re.sub(r"(?m)^\s*\|[\s|:-]*$|^#+ ", "", text)
    return text.replace("| NaN ", "| ").replace("|", " ")


if __name__ == "__main__":
    main()

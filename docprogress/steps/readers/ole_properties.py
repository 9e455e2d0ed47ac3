"""What old Office files say of themselves."""

import contextlib
import os
from pathlib import Path

from docprogress.steps import ole
from docprogress.steps.extraction import Facts
from docprogress.steps.readers.ooxml import note_property

#: Bytes of the properties that are read.
MAX_PROPERTIES = 64 * 1024

_PROPERTIES = ((2, "title"), (4, "author"), (12, "created"), (13, "modified"))


def note_properties(path: Path, facts: Facts) -> None:
    """Note the title, author and dates that a file's properties give."""
    with contextlib.suppress(Exception):  # they are no reason to reject the content
        import olefile

        with olefile.OleFileIO(os.fspath(path)) as file:
            with file.openstream("\x05SummaryInformation") as stream:
                found = ole.properties(stream.read(MAX_PROPERTIES))
        for number, name in _PROPERTIES:
            if number in found:
                note_property(facts, name, found[number])

"""Read an archive, which has members instead of a text."""

from docprogress.documents import Document
from docprogress.formatting import plural
from docprogress.settings import Settings
from docprogress.steps import containers
from docprogress.steps.extraction import Extraction, Facts


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Note the members of an archive; it has no pages.

    Raises:
        Unreadable: It is damaged.
        LimitExceeded: It is a decompression bomb.
    """
    with containers.members(
        document, settings=settings, media_type=facts["media_type"]
    ) as found:
        names = [each.name for each in found if not containers.is_ignored(each.name)]
    facts["note"] = plural(len(names), "member")
    facts["members"] = names
    return Extraction(iter(()), total=0, facts=facts, unit="member")

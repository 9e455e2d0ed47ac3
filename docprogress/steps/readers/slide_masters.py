"""What slides show of their layouts and masters: a company's name, a mark.

Each text is read once, with the first slide that shows it. Placeholders are not shown.
"""

from collections.abc import Callable, Iterator, Mapping

from docprogress.errors import Unreadable
from docprogress.steps.readers import ooxml
from docprogress.steps.readers.flow import Flow
from docprogress.steps.readers.slide import Slide
from docprogress.steps.zipped_xml import ZippedXml

_ABOVE = ("slideLayout", "slideMaster")


class Masters:
    """The layouts and masters of a presentation.

    Args:
        package: The open file.
        parse: Reads the part of a layout or master.
    """

    def __init__(self, package: ZippedXml, parse: Callable[[str], Slide]) -> None:
        self._package = package
        self._parse = parse
        # Whether each layout shows its master's shapes.
        self._read: dict[str, bool] = {}
        self._texts: set[str] = set()

    def shown(
        self, slide: Slide, related: Mapping[str, ooxml.Relation]
    ) -> Iterator[Flow]:
        """The text that a slide shows of them, if it is new."""
        shows = slide.shows_master
        for _ in _ABOVE:
            part = _above(related) if shows else None
            if part is None:
                return
            if part not in self._read:
                self._read[part] = False
                try:
                    found = self._parse(part)
                except Unreadable:
                    return  # the slides are what matters
                self._read[part] = found.shows_master
                flow = found.finish()
                text = str(flow).strip()
                if text and text not in self._texts:
                    self._texts.add(text)
                    yield flow
            shows = self._read[part]
            related = ooxml.relations(self._package, part)
            # A layout belongs to a master, a master to nothing.
            related = {k: f for k, f in related.items() if f.kind == "slideMaster"}


def _above(related: Mapping[str, ooxml.Relation]) -> str | None:
    return next(
        (
            found.target
            for kind in _ABOVE
            for found in related.values()
            if found.kind == kind and not found.external
        ),
        None,
    )

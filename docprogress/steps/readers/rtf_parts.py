"""The parts of an RTF document: its body, notes, comments, headers and footers."""

from docprogress.steps.readers.flow import Budget, Flow
from docprogress.steps.readers.rtf_words import BOXES, FOOTERS, HEADERS


class RtfParts:
    """Flows of the parts; headers and footers once each.

    Args:
        budget: Characters that may be read.
        comments: Whether comments are read.
    """

    def __init__(self, budget: Budget, *, comments: bool) -> None:
        self._budget = budget
        self._with_comments = comments
        self.body = Flow(budget)
        self._notes = Flow(budget)
        self._comments = Flow(budget)
        self._headers: list[Flow] = []
        self._footers: list[Flow] = []
        #: The author of the comment that follows.
        self.author: list[str] = []

    def flows(self) -> list[Flow]:
        """All of them in the order in which they are read."""
        rest = (self.body, self._notes, self._comments)
        return [*self._headers, *rest, *self._footers]

    def begins(self, word: str) -> bool:
        """Whether a word begins a part."""
        return word in ("footnote", "annotation") or word in HEADERS | FOOTERS | BOXES

    def begin(self, word: str) -> Flow | None:
        """The flow of a part that begins; None if it is left out."""
        if word == "footnote":
            return self._notes
        if word == "annotation" and not self._with_comments:
            return None
        return Flow(self._budget)

    def end(self, word: str, flow: Flow, asides: list[Flow]) -> None:
        """Keep a part that has ended; a text box goes to its paragraph's asides."""
        if word in BOXES:
            asides.append(flow)
        elif word == "annotation":
            author = " ".join("".join(self.author).split())
            if text := " ".join(str(flow).split()):
                self._comments.add_text(f"{author or 'Comment'}: {text}")
        elif word in HEADERS:
            _add_distinct(self._headers, flow)
        elif word in FOOTERS:
            _add_distinct(self._footers, flow)


def _add_distinct(flows: list[Flow], flow: Flow) -> None:
    text = " ".join(str(flow).split())
    if text and all(" ".join(str(one).split()) != text for one in flows):
        flows.append(flow)

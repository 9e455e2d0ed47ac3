"""The comments of a presentation, of the old kind and the new one."""

from docprogress.steps.readers.flow import Budget
from docprogress.steps.readers.ooxml import attribute


class Comments:
    """Collects a slide's comments with their authors."""

    def __init__(self, budget: Budget, authors: dict[str, str]) -> None:
        self._budget = budget
        self._authors = authors
        self._author = ""
        self._pieces: list[str] = []
        self._inside = False
        self.comments: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local in ("cm", "reply"):
            self._add()
            self._author = self._authors.get(attributes.get("authorId", ""), "")
        self._inside = local in ("t", "text")

    def end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        self._inside = False
        if local in ("cm", "reply"):
            self._add()
        elif local == "p" and self._pieces:
            self._pieces.append(" ")

    def characters(self, data: str) -> None:
        if self._inside:
            self._budget.spend(len(data))
            self._pieces.append(data)

    def _add(self) -> None:
        text = " ".join("".join(self._pieces).split())
        self._pieces.clear()
        if text:
            self.comments.append(f"{self._author or 'Comment'}: {text}")


class Authors:
    """The names of those who comment, by their ids."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(" ")[2] in ("cmAuthor", "author"):
            found = attribute(attributes, "id")
            self.names[found or ""] = (attribute(attributes, "name") or "")[:200]

    def end(self, _: str) -> None: ...
    def characters(self, _: str) -> None: ...

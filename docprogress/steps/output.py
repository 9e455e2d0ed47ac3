"""Check what custom steps give, so that an error names the step and the value."""

from collections.abc import Iterator
from operator import index
from typing import Any

from docprogress.documents import Chunk, Page
from docprogress.errors import StepError
from docprogress.steps.definition import BUILT_IN_PATHS, Step
from docprogress.steps.signature import Kind


class OutputCheck:
    """Checks the items of one step; those of built-in steps only for their type."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._wanted = Page if step.gives is Kind.PAGES else Chunk
        self._own = step.path not in BUILT_IN_PATHS
        self._numbers: set[int] = set()

    def check(self, item: object) -> None:
        """Check the next item.

        Raises:
            StepError: It is of another type, or has a value that cannot be stored.
        """
        if not isinstance(item, self._wanted):
            raise StepError(
                f"step {self._step.name!r} must yield {self._wanted.__name__} values, "
                f"not {type(item).__name__}{self._source()}"
            )
        if self._own:
            complaint = next(_complaints(item), None) or self._repeated(item)
            if complaint:
                kind = type(item).__name__.lower()
                raise StepError(
                    f"step {self._step.name!r}: {kind} {item.number!r}: {complaint}"
                    f"{self._source()}"
                )

    def _source(self) -> str:
        path = self._step.path
        return f" ({path})" if self._own and path != self._step.name else ""

    def _repeated(self, item: Page | Chunk) -> str | None:
        if item.number in self._numbers:
            return "another one has the same number"
        self._numbers.add(item.number)
        return None


def _complaints(item: Any) -> Iterator[str]:
    """Problems with an item's values."""
    if not _is_count(item.number) or item.number < 1:
        yield "its number must be an integer above 0"
    page = isinstance(item, Page)
    texts = ("text", "markdown", "title") if page else ("text", "kind")
    for name in texts:
        value = getattr(item, name)
        if not isinstance(value, str) and (name == "text" or value is not None):
            yield f"its {name} must be a string, not {type(value).__name__}"
    if page:
        return
    for first, last in (("start", "end"), ("first_page", "last_page")):
        values = getattr(item, first), getattr(item, last)
        if not all(map(_is_count, values)) or values[0] > values[1]:
            yield (
                f"its {first} and {last} must be integers in this order, not "
                f"{values[0]!r:.40} and {values[1]!r:.40}"
            )
    headings = item.headings
    if isinstance(headings, str) or not all(isinstance(h, str) for h in headings):
        yield f"its headings must be a tuple of strings, not {headings!r:.100}"


def _is_count(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and index(value) >= 0
    except TypeError:
        return False

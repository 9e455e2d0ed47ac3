"""The definition of a step, and the built-in steps.

A step is a function from items to items: `Document → Pages → Chunks → Chunks
with vectors`. It is stored and sent by its import path, so that a worker on another
machine runs the code it has there, in the version it has there.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Self

from docprogress.errors import StepError
from docprogress.steps.signature import Kind

#: The longest name of a step or a queue, in characters.
LONGEST_NAME = 100

_QUEUE_PATTERN = re.compile(r"[\w.-]{1,100}")
PATH_PATTERN = re.compile(r"(?!\d)\w+(\.(?!\d)\w+)*:(?!\d)\w+(\.(?!\d)\w+)*")
HOW_TO_NAME = "name it as 'module:function', such as 'my_steps:ocr'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a run.

    Raises:
        StepError: A field is invalid.
    """

    name: str
    #: The function's import path: `module:name`.
    path: str
    takes: Kind
    gives: Kind
    #: The queue of its workers; None for the default one.
    queue: str | None = None
    #: Its share of the document's progress, relative to other steps.
    weight: float = 1.0
    #: The folder of a module that is not installed.
    folder: str | None = None

    def __post_init__(self) -> None:
        if (
            not self.name
            or len(self.name) > LONGEST_NAME
            or not self.name.isprintable()
        ):
            raise StepError(
                f"a step's name must have 1 to {LONGEST_NAME} printable characters, "
                f"not {self.name!r}"
            )
        if not PATH_PATTERN.fullmatch(self.path):
            raise StepError(f"{self.path!r} does not name a function: {HOW_TO_NAME}")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise StepError(
                f"step {self.name!r}: its weight must be a number above 0, "
                f"not {self.weight!r}"
            )
        if self.queue is not None and not _QUEUE_PATTERN.fullmatch(self.queue):
            raise StepError(
                f"step {self.name!r}: {self.queue!r} is not a valid queue name; use "
                "letters, "
                "digits, dots, dashes and underscores"
            )

    def to_dict(self) -> dict[str, Any]:
        """The step as JSON, without fields that are None."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """The step from the result of `to_dict`.

        Raises:
            StepError: It was written by another version, or is invalid.
        """
        try:
            kinds = {end: Kind(fields[end]) for end in ("takes", "gives")}
            return cls(**{**fields, **kinds})
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, StepError):
                raise
            raise StepError(f"not a step that this version knows: {error}") from error


EXTRACTION_PATH = "docprogress.steps.extract:extract"
EMBEDDING_PATH = "docprogress.steps.embed:embed"
STORING_PATH = "docprogress.steps.store:store"

BUILT_IN = {
    step.name: step
    for step in (
        Step(
            name="extraction",
            path=EXTRACTION_PATH,
            takes=Kind.DOCUMENT,
            gives=Kind.PAGES,
            weight=6.0,
        ),
        Step(
            name="chunking",
            path="docprogress.steps.chunk:chunk",
            takes=Kind.PAGES,
            gives=Kind.CHUNKS,
            weight=1.0,
        ),
        Step(
            name="embedding",
            path=EMBEDDING_PATH,
            takes=Kind.CHUNKS,
            gives=Kind.CHUNKS,
            weight=3.0,
        ),
        Step(
            name="storing",
            path=STORING_PATH,
            takes=Kind.CHUNKS,
            gives=Kind.CHUNKS,
            weight=1.0,
        ),
    )
}
BUILT_IN_PATHS = {step.path: step for step in BUILT_IN.values()}

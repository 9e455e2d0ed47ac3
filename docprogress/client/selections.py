"""What an export contains: a run, or the current documents of a folder.

A selection numbers its documents in order, from 1, so that an interrupted export
continues after a number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from docprogress.client import reading
from docprogress.store import DocumentRow, RunRow, Store
from docprogress.store.source_rows import SourceRow


class Selection(Protocol):
    """Documents of a store that does not change during the export."""

    @property
    def case_id(self) -> str | None:
        """What they belong to."""

    @property
    def identity(self) -> dict[str, Any]:
        """The identity of the selection, as JSON values."""

    def batches(
        self, store: Store, *, after: int = 0, current: bool = False
    ) -> Iterator[list[DocumentRow]]:
        """The documents in order, in batches of bounded weight.

        Args:
            store: Where they are.
            after: Return only documents with greater numbers.
            current: Return only documents that searches see.
        """

    def total(self, store: Store) -> int:
        """The minimum number of documents."""

    def dimensions(self, store: Store) -> set[int]:
        """The lengths of their vectors."""


@dataclass(frozen=True, slots=True)
class RunSelection:
    """The documents of a run."""

    run: RunRow

    @property
    def case_id(self) -> str | None:
        """What they belong to."""
        return self.run.case_id

    @property
    def identity(self) -> dict[str, Any]:
        """The run."""
        return {"run": self.run.id}

    def batches(
        self, store: Store, *, after: int = 0, current: bool = False
    ) -> Iterator[list[DocumentRow]]:
        """The documents in the order of submission."""
        return reading.batches(store, self.run.id, after=after, current=current)

    def total(self, store: Store) -> int:
        """How many there are, or will be."""
        return max(sum(store.documents.counts(self.run.id).values()), self.run.expected)

    def dimensions(self, store: Store) -> set[int]:
        """The lengths of their vectors."""
        return store.vectors.dimensions(self.run.id)


@dataclass(frozen=True, slots=True)
class FolderSelection:
    """The current documents of a folder, and newer ones that are not current."""

    source: SourceRow

    @property
    def case_id(self) -> str | None:
        """What they belong to."""
        return self.source.case_id

    @property
    def identity(self) -> dict[str, Any]:
        """The folder and its case."""
        return {"folder": self.source.root, "case": self.source.case_id}

    def batches(
        self, store: Store, *, after: int = 0, current: bool = False
    ) -> Iterator[list[DocumentRow]]:
        """The documents in the order of their paths."""
        number = 0
        for rows in store.source_documents.find(self.source.id):
            numbered = []
            for row in rows:
                number += 1
                if number > after and (row.current or not current):
                    numbered.append(replace(row, number=number))
            yield from reading.weighed(numbered)

    def total(self, store: Store) -> int:
        """How many files there are."""
        return store.sources.count(self.source.id)

    def dimensions(self, store: Store) -> set[int]:
        """The lengths of their vectors."""
        found: set[int] = set()
        for rows in store.source_documents.find(self.source.id):
            current = [row.id for row in rows if row.current]
            found |= store.source_documents.dimensions(current)
        return found

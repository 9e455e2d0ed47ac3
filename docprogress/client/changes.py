"""The changes that a sync found in a folder."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from docprogress.formatting import plural

#: The maximum number of paths of each kind that are kept with a run in the store.
KEPT_PATHS = 200

#: The kinds of changes, in the order of a summary.
KINDS = ("added", "changed", "moved", "removed", "stale", "failed", "withheld")

#: The kinds that a sync leaves alone.
_LEFT_ALONE = ("failed", "withheld")


class Move(NamedTuple):
    """A file that was moved, or renamed."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderChanges:
    """The changes that a sync found in a folder.

    Paths are relative to the root. After `attach`, each list has only the first few
    paths; `counts` has the full numbers.
    """

    #: The folder: its path, or its URL without secrets.
    root: str
    #: Files that are new, and files with other content than before.
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    #: Files that are missing.
    removed: tuple[str, ...] = ()
    #: Files that have a different path now; their results are kept.
    moved: tuple[Move, ...] = ()
    #: Unchanged files that are processed again because the settings have changed.
    stale: tuple[str, ...] = ()
    #: Unchanged files whose newest version failed or cannot be read; `reasons` says
    #: why.
    failed: tuple[str, ...] = ()
    #: Missing files whose documents are kept until their removal is confirmed: there
    #: are too many of them. `refusal` says so.
    withheld: tuple[str, ...] = ()
    #: The number of unchanged files.
    unchanged: int = 0
    #: Files and folders that cannot be read, and failures, by path.
    reasons: Mapping[str, str] = field(default_factory=dict)
    #: Why the changes must be confirmed; None if they need not be.
    refusal: str | None = None
    #: How many there are of each kind.
    counts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {kind: len(getattr(self, kind)) for kind in KINDS}
        counts = known | {"unchanged": self.unchanged} | dict(self.counts)
        object.__setattr__(self, "counts", counts)

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return any(self.counts[kind] for kind in KINDS if kind not in _LEFT_ALONE)

    def __str__(self) -> str:
        """One line: `12 added, 3 changed, 1 removed, 984 unchanged`."""
        shown = [
            f"{self.counts[kind]:,} {kind}"
            for kind in (*KINDS[:-1], "unchanged")
            if self.counts[kind]
        ]
        if withheld := self.counts["withheld"]:
            shown.append(f"{plural(withheld, 'removal')} withheld")
        return ", ".join(shown) or "no documents"

    @property
    def processed(self) -> int:
        """How many files become documents of the run."""
        return sum(self.counts[kind] for kind in ("added", "changed", "moved", "stale"))

    @property
    def gone(self) -> str:
        """How many files are missing, in words."""
        return plural(self.counts["removed"], "file")

    def to_dict(self, most: int | None = None) -> dict[str, Any]:
        """The same as JSON values.

        Args:
            most: The maximum number of paths of each kind; None for all.
        """
        return {
            "root": self.root,
            "counts": dict(self.counts),
            **{kind: _shown(getattr(self, kind), most) for kind in KINDS},
            "reasons": dict(list(self.reasons.items())[:most]),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` has made."""
        paths: dict[str, Any] = {
            kind: tuple(values.get(kind, ())) for kind in KINDS if kind != "moved"
        }
        counts = dict(values.get("counts", {}))
        return cls(
            root=values["root"],
            moved=tuple(Move(*move) for move in values.get("moved", ())),
            unchanged=counts.get("unchanged", 0),
            reasons=values.get("reasons", {}),
            counts=counts,
            **paths,
        )


def _shown(paths: Iterable[Any], most: int | None) -> list[Any]:
    return [
        list(map(_safe, path)) if isinstance(path, tuple) else _safe(path)
        for path in list(paths)[:most]
    ]


def _safe(path: str) -> str:
    """A path without bytes that are no UTF-8, which JSON cannot have."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")

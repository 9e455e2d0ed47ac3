"""How much of a run's work is done: documents weighed by their pages or bytes.

A document weighs 1, and as much again as each page of text that it has. A page that is
recognised (OCR) takes a hundred times as long. Where the pages are unknown, they follow
from the document's bytes, by what other documents of its kind have per byte; and where
those are unknown, too, from the mean of the others.

`progress-view/shares.js` does the same for the server's page.
"""

from collections.abc import Mapping

from docprogress.events import Status
from docprogress.progress.document import WHOLE, DocumentProgress

#: What recognising a page takes, in pages that are only read.
RECOGNITION = 99

#: The assumption for a kind without measurements: this many pages in this many bytes.
PRIOR_PAGES = 0.1
PRIOR_BYTES = 3_000

#: The maximum number of distinguished kinds, and the longest suffix of a kind.
MOST_KINDS = 64
LONGEST_SUFFIX = 5

_UNSUCCESSFUL = (Status.FAILED, Status.CANCELLED)


class Weight:
    """The weight of a document."""

    __slots__ = (
        "amount",
        "kind",
        "pages",
        "progress",
        "recognised",
        "size",
        "status",
        "sums",
        "to_recognise",
    )

    def __init__(self, document: DocumentProgress, size: int, progress: int) -> None:
        self.status = document.event.status
        #: The file name's suffix.
        self.kind = document.kind
        #: None while they are unknown.
        self.pages = document.work
        #: In bytes; 0 if unknown.
        self.size = size
        #: In pages, or in bytes; 1 if neither is known.
        self.amount = (size or 1) if self.pages is None else self.pages
        #: Out of `WHOLE`.
        self.progress = progress
        self.to_recognise = document.to_recognise
        self.recognised = document.recognised
        #: With which documents it is counted.
        self.sums: _Sums

    def same_apart_from_progress(self, document: DocumentProgress, size: int) -> bool:
        """Whether only the progress of a document has changed."""
        return (
            self.status is document.event.status
            and self.pages == document.work
            and self.size == size
            and self.to_recognise == document.to_recognise
            and self.kind == document.kind
        )


class _Sums:
    """The sums of documents with the same status and kind, of which the same is known.

    Whole numbers, which do not drift.
    """

    __slots__ = ("amounts", "count", "done", "progress", "recognised", "to_recognise")

    def __init__(self) -> None:
        self.count = 0
        self.progress = 0
        self.amounts = 0
        #: The sum of each one's amount times its progress.
        self.done = 0
        self.recognised = 0
        self.to_recognise = 0


class Work:
    """The work of a run, as the sum of its documents'."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Status, str, bool, bool], _Sums] = {}
        self._kinds: set[str] = set()
        # By kind: the work of documents whose bytes are known as well, and these.
        self._known: dict[str, list[int]] = {}

    def count(self, document: DocumentProgress, size: int) -> None:
        """Count a document's current state instead of its previous one.

        Args:
            document: The document.
            size: Its bytes; 0 if they are unknown.
        """
        event, known = document.event, document.weight
        if event.status is Status.COMPLETED:
            progress = WHOLE
            document.recognised = document.to_recognise
        else:
            progress = min(int(event.progress / 100 * WHOLE), WHOLE - 1)
        if known is not None:
            if known.same_apart_from_progress(document, size):
                gained, sums = progress - known.progress, known.sums
                sums.progress += gained
                sums.done += gained * known.amount
                sums.recognised += document.recognised - known.recognised
                known.progress, known.recognised = progress, document.recognised
                return
            self._add(known, -1)
        document.weight = weight = Weight(document, size, progress)
        self._add(weight, 1)

    def _add(self, weight: Weight, sign: int) -> None:
        key = weight.status, weight.kind, weight.pages is not None, weight.size > 0
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = _Sums()
        weight.sums = sums
        sums.count += sign
        sums.progress += sign * weight.progress
        sums.amounts += sign * weight.amount
        sums.done += sign * weight.amount * weight.progress
        sums.recognised += sign * weight.recognised
        sums.to_recognise += sign * weight.to_recognise
        if weight.pages is not None and weight.size:
            known = self._known.setdefault(weight.kind, [0, 0])
            known[0] += sign * (weight.pages + RECOGNITION * weight.to_recognise)
            known[1] += sign * weight.size

    def kind_of(self, name: str) -> str:
        """The kind of a document, by its name."""
        kind = suffix_of(name)
        if kind not in self._kinds:
            if len(self._kinds) >= MOST_KINDS:
                return ""
            self._kinds.add(kind)
        return kind

    def pages_per_byte(self) -> Mapping[str, float]:
        """The work per byte of each kind, by the documents whose work is known."""
        work = sum(each for each, _ in self._known.values())
        size = sum(each for _, each in self._known.values())
        general = (PRIOR_PAGES + work) / (PRIOR_BYTES + size)
        found = {}
        for kind in self._kinds:
            work, size = self._known.get(kind, (0, 0))
            found[kind] = (general * PRIOR_BYTES + work) / (PRIOR_BYTES + size)
        return {"": general} | found

    def shares(self, missing: int, completed: int) -> tuple[dict[Status, float], float]:
        """The work that is done, by status, and that of the whole run.

        Args:
            missing: The number of documents that were not added.
            completed: How many of those are completed; the others count as not started.
        """
        per_byte = self.pages_per_byte()
        mean = self._mean(per_byte)
        done = dict.fromkeys(Status, 0.0)
        whole = missing * (1 + mean) * WHOLE
        done[Status.COMPLETED] = completed * (1 + mean) * WHOLE
        for (status, kind, paged, sized), sums in self._sums.items():
            each = 1 if paged else per_byte[kind] if sized else mean
            finished = sums.progress + each * sums.done
            finished += RECOGNITION * sums.recognised * WHOLE
            if status in _UNSUCCESSFUL:
                # Nothing is left to do; that it ended so is seen as one page missing.
                whole += finished + sums.count * WHOLE - sums.progress
            else:
                whole += (sums.count + each * sums.amounts) * WHOLE
                whole += RECOGNITION * sums.to_recognise * WHOLE
            done[status] += finished
        return done, whole or 1.0

    def _mean(self, per_byte: Mapping[str, float]) -> float:
        """The mean pages of documents of which anything is known."""
        pages, count = 0.0, 0
        for (status, kind, paged, sized), sums in self._sums.items():
            if (paged or sized) and status not in _UNSUCCESSFUL:
                pages += sums.amounts * (1 if paged else per_byte[kind])
                pages += RECOGNITION * sums.to_recognise
                count += sums.count
        return pages / count if count else 0.0


def suffix_of(name: str) -> str:
    """The suffix of a file's name, in lower case; empty if it has none."""
    suffix = name.rpartition(".")[2] if "." in name else ""
    short = 0 < len(suffix) <= LONGEST_SUFFIX
    return suffix.lower() if short and suffix.isascii() and suffix.isalnum() else ""

"""Which documents a change of settings affects, and from which step on.

The results of earlier steps are kept, and documents that the change does not affect
stay as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from docprogress.client.fingerprint import step_sources
from docprogress.events import NEEDS_OCR, OCR_IS_OFF
from docprogress.steps import Kind, Step
from docprogress.steps.containers import is_container
from docprogress.steps.definition import BUILT_IN_PATHS, EMBEDDING_PATH, STORING_PATH
from docprogress.store import RunRow
from docprogress.store.source_rows import KnownDocument

#: The settings of a run that record how its steps were defined.
STEP_SOURCES = "step_sources"

_PDF = "application/pdf"


def _is_pdf(document: KnownDocument) -> bool:
    return document.media_type == _PDF


def _is_image(document: KnownDocument) -> bool:
    return (document.media_type or "").startswith("image/")


def _is_neither(document: KnownDocument) -> bool:
    return not _is_pdf(document) and not _is_image(document)


def _is_plain(document: KnownDocument) -> bool:
    kind = document.media_type or ""
    packed = ("openxmlformats", "opendocument", "epub")
    return _is_neither(document) and not any(each in kind for each in packed)


def _is_recognised(document: KnownDocument) -> bool:
    return bool(document.ocr_pages) or _needs_recognition(document)


def _needs_recognition(document: KnownDocument) -> bool:
    note = document.note or ""
    return note.endswith((NEEDS_OCR, OCR_IS_OFF))


#: The settings of extraction that do not affect all documents.
_AFFECTED: dict[str, Callable[[KnownDocument], bool]] = {
    "pdf_engine": _is_pdf,
    "include_comments": _is_neither,
    "include_hidden": _is_neither,
    "html_content": _is_neither,
    "encodings": _is_plain,
    "ocr_engine": _is_recognised,
    "ocr_languages": _is_recognised,
    "ocr_dpi": _is_recognised,
}
_EXTRACTION = (*_AFFECTED, "structure", "ocr")
_CHUNKING = ("chunk_characters", "chunk_unit", "chunk_tokens", "chunk_overlap")
_EMBEDDING = ("embedder", "embedding_tokens")


class Staleness:
    """Compares the runs of documents with the steps and settings of now.

    Args:
        plan: The steps.
        settings: The settings, with the sink.
        fingerprint: Of both.
        run: Finds a run.
        members: Finds the members of a container.
        has_sparse_pages: Whether a document has pages with hardly any text.
    """

    def __init__(
        self,
        plan: Sequence[Step],
        settings: Mapping[str, Any],
        fingerprint: str,
        *,
        run: Callable[[str], RunRow],
        members: Callable[[str], Sequence[KnownDocument]],
        has_sparse_pages: Callable[[str], bool],
    ) -> None:
        self._plan = list(plan)
        self._settings = settings
        self._fingerprint = fingerprint
        self._sources = step_sources(plan)
        self._run = run
        self._members = members
        self._has_sparse_pages = has_sparse_pages
        # By run: the first step that another definition affects, and settings.
        self._differences: dict[str, tuple[int | None, tuple[str, ...]]] = {}

    def first_step(self, document: KnownDocument) -> int | None:
        """The position of the first step to do again; None if there is none."""
        step, names = self._differ(document.run_id)
        if step is None and not names:
            return None
        if is_container(document.media_type):
            # Its members are found by extraction, and have results of their own.
            each = [document, *self._members(document.id)]
            affected = any(self._affected(one, step, names) is not None for one in each)
            return 0 if affected else None
        first = self._affected(document, step, names)
        return None if first is None else self._with_results(first)

    def _differ(self, run_id: str) -> tuple[int | None, tuple[str, ...]]:
        if run_id not in self._differences:
            self._differences[run_id] = self._compare(self._run(run_id))
        return self._differences[run_id]

    def _compare(self, run: RunRow) -> tuple[int | None, tuple[str, ...]]:
        sink = self._settings.get("sink")
        stored = sink is None or run.settings.get("sink") == sink
        if run.fingerprint == self._fingerprint and stored:
            return None, ()
        names = tuple(
            name
            for name in (*_EXTRACTION, *_CHUNKING, *_EMBEDDING)
            if name in run.settings and run.settings[name] != self._settings[name]
        )
        return self._first_difference(run, stored=stored), names

    def _first_difference(self, run: RunRow, *, stored: bool) -> int | None:
        """The first step that has another definition, or was not done."""
        before = [step["path"] for step in run.steps if step["path"] != STORING_PATH]
        sources = run.settings.get(STEP_SOURCES, {})
        for position, step in enumerate(self._plan):
            if step.path == STORING_PATH:
                return None if stored else position
            known = position < len(before) and before[position] == step.path
            if not known or self._sources.get(step.path) != sources.get(step.path):
                return position
        # Fewer steps than before: the last one may have changed the items.
        return None if len(before) <= len(self._plan) else 0

    def _affected(
        self, document: KnownDocument, step: int | None, names: Sequence[str]
    ) -> int | None:
        positions = [] if step is None else [step]
        for name in names:
            if name in _EXTRACTION:
                if self._affects(name, document):
                    positions.append(0)
            elif name in _CHUNKING:
                positions += self._positions(
                    lambda each: (each.takes, each.gives) == (Kind.PAGES, Kind.CHUNKS)
                )
            else:
                positions += self._positions(lambda each: each.path == EMBEDDING_PATH)
        return min(positions, default=None)

    def _affects(self, name: str, document: KnownDocument) -> bool:
        if name == "ocr":
            return self._mode_affects(document)
        affects = _AFFECTED.get(name)
        return affects is None or affects(document)

    def _mode_affects(self, document: KnownDocument) -> bool:
        """Whether another mode of recognition changes a document."""
        if self._settings["ocr"] == "never":
            return _is_image(document) or bool(document.ocr_pages)
        if not (_is_pdf(document) or _is_image(document)):
            return False
        if self._settings["ocr"] == "always" or _is_image(document):
            return True
        return _is_recognised(document) or self._has_sparse_pages(document.id)

    def _positions(self, wanted: Callable[[Step], bool]) -> list[int]:
        return [place for place, step in enumerate(self._plan) if wanted(step)][:1]

    def _with_results(self, position: int) -> int:
        """The last step up to this one that the stored results suffice for.

        Pages and chunks are stored as the last step made them that gives any.
        """
        step = self._plan[position]
        later = self._plan[position:]
        if step.takes is Kind.PAGES and any(s.gives is Kind.PAGES for s in later):
            return 0
        if step.takes is Kind.CHUNKS:
            own = [s for s in later if s.path not in BUILT_IN_PATHS]
            if any(s.gives is Kind.CHUNKS for s in own):
                chunking = self._positions(
                    lambda s: s.takes is not Kind.CHUNKS and s.gives is Kind.CHUNKS
                )
                return self._with_results(chunking[0]) if chunking else 0
            embedding = self._positions(lambda s: s.path == EMBEDDING_PATH)
            if step.path != STORING_PATH and embedding and embedding[0] < position:
                return embedding[0]  # a step is not given vectors from the store
        return position

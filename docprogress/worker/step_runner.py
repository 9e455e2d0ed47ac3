"""Run the steps of a document, and count their inputs and outputs."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from operator import length_hint
from typing import TYPE_CHECKING, Any, NamedTuple

from docprogress.documents import Chunk, Document, Page
from docprogress.errors import StepError
from docprogress.events import (
    MAX_UNFINISHED_PROGRESS,
    NO_TEXT,
    NOTES_WITHOUT_TEXT,
    now,
)
from docprogress.formatting import plural
from docprogress.reporting.step_progress import StepProgress
from docprogress.settings import Settings
from docprogress.steps import Kind, Step, call
from docprogress.steps.definition import (
    BUILT_IN_PATHS,
    EMBEDDING_PATH,
    EXTRACTION_PATH,
    STORING_PATH,
)
from docprogress.steps.extraction import Extraction
from docprogress.steps.output import OutputCheck
from docprogress.steps.planning import is_fast_plan, progress_spans
from docprogress.store import DocumentRow, FinishedStep
from docprogress.store.reuse import Remaining
from docprogress.worker.attempt_writer import AttemptWriter
from docprogress.worker.counted_input import CountedInput
from docprogress.worker.embedded_before import EmbeddedBefore, embedded_before
from docprogress.worker.service_outages import KnownOutage, service_key
from docprogress.worker.storing import Storing

if TYPE_CHECKING:
    from docprogress.steps.ocr.pages import Recognition
    from docprogress.worker.processing import DocumentProcessor

#: The verbs that the messages of built-in steps begin with, by the step's name.
VERBS = {
    "extraction": "Extracting",
    "chunking": "Chunking",
    "embedding": "Embedding",
    "storing": "Storing",
}

UNITS = {Kind.DOCUMENT: "document", Kind.PAGES: "page", Kind.CHUNKS: "chunk"}

#: Seconds of finished work that may be lost, and repeated, if a worker is killed.
UNSAVED_SECONDS = 0.25


class StepResult(NamedTuple):
    """The result of a step."""

    items: list[Any]
    facts: dict[str, Any]
    #: The name of one of them.
    unit: str = ""
    #: How many have the vectors of the document's earlier version.
    unchanged: int = 0


class StepRunner:
    """Runs the steps of one attempt at a document."""

    def __init__(
        self,
        processor: "DocumentProcessor",
        row: DocumentRow,
        *,
        steps: list[Step],
        settings: Settings,
        writer: AttemptWriter,
        storing: Storing | None = None,
    ) -> None:
        self._processor = processor
        self._row = row
        self._steps = steps
        self._storing = storing
        self._settings = settings
        self._writer = writer
        self.spans = progress_spans(steps)
        #: The name of the step that runs, or ran last.
        self.step = row.step
        #: The key of the service that this step uses, if any.
        self.service: str | None = None
        # Begins the step's time without progress again.
        self._renew: Callable[[], None] = lambda: None

    @property
    def first_step(self) -> str:
        """The name of the first step of the plan."""
        return self._steps[0].name

    @property
    def storing_step(self) -> Remaining:
        """The last step, which stores what the others have made."""
        position = len(self._steps) - 1
        return Remaining(self._steps[position].name, position, self.spans[position][0])

    def run(
        self,
        position: int,
        items: list[Any],
        document: Document,
        *,
        known: Mapping[str, Any],
        note: str | None = None,
    ) -> StepResult:
        """Run a step, and save its results, at the latest with those of the next step.

        Args:
            position: The step's position in the plan.
            items: The results of the step before it, if it ran in this task.
            document: The document, as steps see it.
            known: Facts about the document in addition to those of its reader.
            note: The notes of the steps before it.

        Raises:
            Exception: Any exception of the step.
        """
        step = self._steps[position]
        self.step = step.name
        progress = self.progress(
            position,
            span=self.spans[position],
            verb=VERBS.get(step.name),
            unit=UNITS[step.gives],
        )
        started, clock = now(), self._processor.clock()
        self._check_outage(step)
        progress.publish()
        takes = items or self._stored(step)
        settings = self._settings
        with self._processor.guard(
            settings.step_seconds, settings.total_seconds
        ) as self._renew:
            if step.path == STORING_PATH:
                result = self._store(takes, progress)
            else:
                before = self._embedded_before(step, takes, saved=not items)
                if before.unchanged:
                    progress.begin(_unchanged_message(len(takes), before.unchanged))
                result = self._make(step, takes, progress, document, before)
        self._writer.discard_vectors()
        self._writer.discard_recognised()
        facts = result.facts
        if step.takes is Kind.DOCUMENT and known:
            warnings = [*facts.get("warnings", ()), *known.get("warnings", ())]
            facts = {**facts, **known, **({"warnings": warnings} if warnings else {})}
        if step.gives is Kind.PAGES and step.path != EXTRACTION_PATH:
            facts = {
                **facts,
                "note": note_on_text(facts.get("note", note), result.items),
            }
        result = result._replace(unit=progress.unit or "", facts=facts)
        if step.takes is Kind.DOCUMENT:
            self._writer.set_work(result.items, ocr_pages=facts.get("ocr_pages"))
        finished = FinishedStep(
            position=position,
            step=step.name,
            next_step=self._steps[min(position + 1, len(self._steps) - 1)].name,
            started_at=started,
            seconds=self._processor.clock() - clock,
            items=len(result.items),
            unit=progress.unit or "",
            progress=min(self.spans[position][1], MAX_UNFINISHED_PROGRESS),
            facts=result.facts,
            pages=result.items if step.gives is Kind.PAGES else None,
            chunks=result.items if _makes_chunks(step) else None,
        )
        if step.path == STORING_PATH:
            # Saved with the end of the document alone: if it is cancelled instead, the
            # sink loses its rows, and the next attempt has to store them again.
            self._writer.stored = finished
            return result
        self._writer.unsaved.append(finished)
        if not self._may_save_later(position + 1):
            self._writer.save()
        return result

    def progress(
        self, position: int, *, span: tuple[float, float], verb: str | None, unit: str
    ) -> StepProgress:
        """Make the progress of a step, or of a part of it."""
        return StepProgress(
            self._writer.publish,
            self._writer.event,
            step=self._steps[position].name,
            span=span,
            verb=verb,
            unit=unit,
            per_second=self._settings.events_per_second,
        )

    def service_of(self, step: Step) -> str | None:
        """The key of the service that a step may use; None if it uses none."""
        if step.path not in BUILT_IN_PATHS:
            return service_key(step.path)
        if step.path == STORING_PATH:
            sink = self._storing.sink if self._storing else None
            return service_key(step.path, sink)
        settings = self._settings
        if step.path != EMBEDDING_PATH or not settings.embedder.startswith("openai:"):
            return None
        endpoint = (
            settings.embedder,
            settings.embedding_url,
            settings.embedding_api_key,
        )
        return service_key(step.path, *endpoint)

    def _check_outage(self, step: Step) -> None:
        """Check that the service that a step uses is not known to be unavailable.

        Raises:
            KnownOutage: It is.
        """
        self.service = self.service_of(step)
        if self.service is None:
            return
        wait = self._processor.outages.current_wait(
            self.service, self._row.id, self._row.attempt
        )
        if wait is not None:
            raise KnownOutage(wait)

    def _record_success(self) -> None:
        if self.service is not None:
            self._processor.outages.record_success(self.service, self._row.id)

    def _embedded_before(
        self, step: Step, takes: Sequence[Any], *, saved: bool
    ) -> EmbeddedBefore:
        """The chunks that the embedding step need not embed.

        Args:
            step: The step.
            takes: What it takes.
            saved: Whether it was interrupted, and may have saved vectors.
        """
        if step.path != EMBEDDING_PATH:
            return EmbeddedBefore([])
        return embedded_before(
            self._processor.store,
            self._row,
            takes,
            self._settings,
            saved=saved and self._saves_vectors(step),
        )

    def _saves_vectors(self, step: Step) -> bool:
        """Whether a step's vectors are worth saving before it is finished."""
        return step.path == EMBEDDING_PATH and not self._is_fast([step])

    def _is_fast(self, steps: Sequence[Step]) -> bool:
        return is_fast_plan(steps, embedder=self._settings.embedder)

    def _may_save_later(self, following: int) -> bool:
        """Whether finished steps are saved together with those that follow.

        They are while repeating them would cost less than saving them: before the end,
        and before built-in steps that take moments.
        """
        if sum(step.seconds for step in self._writer.unsaved) > UNSAVED_SECONDS:
            return False
        left = self._steps[following:]
        if left and left[-1].path == STORING_PATH:
            # What is stored elsewhere is saved here before.
            left = left[:-1]
            return bool(left) and self._is_fast(left)
        return self._is_fast(left)

    def _stored(self, step: Step) -> list[Any]:
        """The results of an earlier task of this document."""
        results = self._processor.store.results
        if step.takes is Kind.PAGES:
            return results.pages(self._row.id)
        if step.takes is Kind.CHUNKS:
            return results.chunks(self._row.id, vectors=step.path == STORING_PATH)
        return []

    def _make(
        self,
        step: Step,
        takes: list[Any],
        progress: StepProgress,
        document: Document,
        before: EmbeddedBefore,
    ) -> StepResult:
        """Run a step's function, except on chunks that are already embedded.

        Its output is counted if its length is known, otherwise its input.
        """
        embedded = before.chunks
        numbers = {chunk.number for chunk in embedded}
        left = [t for t in takes if t.number not in numbers] if embedded else takes
        counted = CountedInput(left, progress, self._renew)
        given = document if step.takes is Kind.DOCUMENT else counted
        output = call(step, given, document=document, settings=self._settings)
        total = length_hint(output, 0)
        lazy = not isinstance(output, list | tuple)
        counts_output = lazy and (total > 0 or step.takes is Kind.DOCUMENT)
        if counts_output:
            counted.progress = None
            progress.unit = getattr(output, "unit", None) or progress.unit
            progress.total = total + len(embedded) or None
            progress.update(len(embedded))
        if (recognition := getattr(output, "recognition", None)) is not None:
            self._attach(recognition, progress)
        saves = self._saves_vectors(step)
        self._writer.begin_vectors()
        made: list[Any] = []
        output_check = OutputCheck(step)
        with ExitStack() as stack:
            stack.callback(getattr(output, "close", lambda: None))
            for item in output:
                self._renew()
                output_check.check(item)
                if saves and not made:
                    self._record_success()
                if saves:
                    if embedded and _vector_length(embedded[0]) != _vector_length(item):
                        # The endpoint serves another model now.
                        progress.begin(None)
                        nothing = EmbeddedBefore([])
                        return self._make(step, takes, progress, document, nothing)
                    self._writer.add_vector(item)
                made.append(item)
                if counts_output and isinstance(output, Extraction):
                    progress.total = output.total or None
                # Published in any case: the reply says whether to cancel.
                progress.advance(1 if counts_output else 0)
        if not saves:
            # Another try would begin with the first item again, so that the service has
            # only now served the document.
            self._record_success()
        if embedded:
            all_chunks = {chunk.number: chunk for chunk in (*embedded, *made)}
            made = [all_chunks[chunk.number] for chunk in takes]
        facts = dict(getattr(output, "facts", None) or {})
        return StepResult(made, facts, unchanged=before.unchanged)

    def _store(self, chunks: list[Chunk], progress: StepProgress) -> StepResult:
        if self._storing is None:
            raise StepError("the run has no sink to store its documents in")
        self._storing.store(chunks, progress, self._renew)
        self._record_success()
        return StepResult(chunks, {})

    def _attach(self, recognition: "Recognition", progress: StepProgress) -> None:
        """Publish which page is recognised, and keep those that were."""

        def start(number: int) -> None:
            done = progress.ocr_current = progress.ocr_current or 0
            progress.ocr_total = done + recognition.left
            of = f" of {progress.total}" if progress.total else ""
            progress.begin(f"Recognising {progress.unit or 'page'} {number}{of}")

        def keep(page: Page) -> None:
            self._renew()
            progress.ocr_current = (progress.ocr_current or 0) + 1
            progress.begin(None)
            self._writer.add_recognised(page, recogniser=recognition.key)

        recognition.on_start = start
        recognition.on_recognised = keep
        recognition.load_kept = partial(self._kept_pages, self._row.id)

    def _kept_pages(self, document_id: str, recogniser: str) -> Mapping[int, Page]:
        store = self._processor.store
        return self._writer.write(
            lambda: store.recognised.kept(document_id, recogniser=recogniser)
        )


def note_on_text(note: str | None, pages: Sequence[Page]) -> str:
    """The note on a document whose pages a step has made: whether they have text.

    A step that recognises the pages of a scan gives text to what had none.
    """
    notes = [one for one in (note or "").split("; ") if one]
    missing = [one for one in notes if one in NOTES_WITHOUT_TEXT]
    others = [one for one in notes if one not in NOTES_WITHOUT_TEXT]
    if not any(page.text.strip() for page in pages):
        others.append(missing[0] if missing else NO_TEXT)
    return "; ".join(others)


def _makes_chunks(step: Step) -> bool:
    return step.gives is Kind.CHUNKS and step.path != STORING_PATH


def _unchanged_message(total: int, unchanged: int) -> str:
    return (
        f"Embedding {total - unchanged} of {plural(total, 'chunk')}, "
        f"{unchanged} unchanged"
    )


def _vector_length(chunk: Chunk) -> int:
    return 0 if chunk.vector is None else len(chunk.vector)

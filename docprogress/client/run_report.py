"""Write a run's report: a self-contained HTML file."""

import os
import platform
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from docprogress.bus.bus import Bus
from docprogress.client.connections import Connections
from docprogress.errors import ExportError
from docprogress.events import Status, now
from docprogress.exports.run_report.page import render
from docprogress.exports.run_report.values import (
    STATUS_ORDER,
    DocumentLine,
    KindLine,
    Reason,
    RunReport,
    Segment,
    StepLine,
    Track,
    WarningLine,
)
from docprogress.formatting import one_line
from docprogress.plots.spans import RunSpans, Span, pack, spans_of
from docprogress.progress.summary import lacks_text
from docprogress.settings import RUN_SETTINGS
from docprogress.steps.suffixes import label
from docprogress.store import DocumentRow, RunRow, StepTiming, Store
from docprogress.version import __version__

#: The maximum number of documents, tracks, reasons and warnings that are shown.
MAX_DOCUMENTS = 10_000
MAX_TRACKS = 64
MAX_REASONS = 100
MAX_WARNINGS = 200
NAMES_PER_REASON = 5
WARNINGS_PER_DOCUMENT = 5

#: The settings that matter most for how documents were processed.
LIBRARIES = (
    *("celery", "redis", "sqlalchemy", "pypdfium2", "pypdf", "numpy"),
    *("python-calamine", "rapidocr", "onnxruntime", "kreuzberg", "trafilatura"),
    *("wordllama", "sentence-transformers", "lancedb", "pgvector", "qdrant-client"),
)


def write_report(
    connections: Connections,
    run: RunRow,
    target: str | os.PathLike[str],
    *,
    summary: str,
) -> Path:
    """Write the report of a run; a file of that name is replaced at once.

    Args:
        connections: Where the run is.
        run: The run in the store.
        target: The HTML file.
        summary: The run in one line.

    Raises:
        ExportError: The file cannot be written.
    """
    path = Path(target).expanduser().absolute()
    if path.is_dir():
        raise ExportError(f"{path} is a folder: name a file, such as {path}/run.html")
    page = render(
        collect(
            connections.store,
            run,
            summary=summary,
            connect=connections.bus_to_look_back,
        )
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, page)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(
            f"{path} cannot be written ({reason}): choose another place"
        ) from error
    return path


def collect(
    store: Store, run: RunRow, *, summary: str, connect: Callable[[], Bus]
) -> RunReport:
    """The values of the report, as the store has them now."""
    spans = spans_of(store, run, connect)
    rows = spans.documents
    written_at = now()
    counts = Counter(row.status for row in rows)
    counts[Status.QUEUED] += max(run.expected - len(rows), 0)
    finished = not (counts[Status.QUEUED] or counts[Status.PROCESSING])
    ended = max((row.finished_at for row in rows if row.finished_at), default=None)
    until = ended if finished and ended else written_at
    seconds = max((until - spans.begin).total_seconds(), 0.0)
    tracks = [
        Track(worker=worker, segments=list(_segments(spans_of_track)))
        for worker, of_worker in pack(spans.spans).items()
        for spans_of_track in of_worker
    ]
    warned = [row for row in rows if _warnings(row)]
    return RunReport(
        run_id=run.id,
        case_id=run.case_id,
        summary=summary,
        created_at=run.created_at,
        written_at=written_at,
        seconds=seconds,
        finished=finished,
        counts=counts,
        totals={
            "Pages": sum(row.pages for row in rows),
            "Recognised": sum(row.ocr_pages or 0 for row in rows),
            "Chunks": sum(row.chunks for row in rows),
        },
        documents=[_line(row) for row in sorted(rows, key=_attention)[:MAX_DOCUMENTS]],
        document_count=len(rows),
        reasons=_reasons(rows),
        steps=_steps(spans, store.results.timings(run.id)),
        kinds=_kinds(rows, ocr_engine=str(run.settings.get("ocr_engine", ""))),
        warnings=[
            WarningLine(name=row.name, warnings=_warnings(row)[:WARNINGS_PER_DOCUMENT])
            for row in warned[:MAX_WARNINGS]
        ],
        warning_count=len(warned),
        tracks=tracks[:MAX_TRACKS],
        track_count=len(tracks),
        ends=[
            ((row.finished_at - spans.begin).total_seconds(), row.pages)
            for row in rows
            if row.finished_at and row.pages
        ],
        settings=_settings(run),
        versions=_versions(),
    )


def _attention(row: DocumentRow) -> tuple[int, int]:
    """What needs attention comes first, otherwise the order of submission."""
    return STATUS_ORDER.index(row.status), row.number


def _line(row: DocumentRow) -> DocumentLine:
    seconds = None
    if row.started_at and row.finished_at:
        seconds = max((row.finished_at - row.started_at).total_seconds(), 0.0)
    return DocumentLine(
        number=row.number,
        name=row.name,
        status=row.status,
        detail=_detail(row),
        pages=row.pages,
        chunks=row.chunks,
        ocr_pages=row.ocr_pages,
        size=row.size,
        seconds=seconds,
        attempts=row.attempt,
        worker=row.worker or "",
    )


def _detail(row: DocumentRow) -> str:
    if row.status is not Status.COMPLETED:
        return _reason(row)
    if row.retired_at is not None:
        return row.message
    return "; ".join(row.message.split("; ")[1:])


def _reason(row: DocumentRow) -> str:
    """Why a document did not complete, without its name, which is shown beside it."""
    text = one_line(row.error or row.message)
    for name in (row.name, row.name.rpartition("/")[2]):
        text = text.removeprefix(f"{one_line(name)}: ")
    return text[:1].upper() + text[1:]


def _reasons(rows: Iterable[DocumentRow]) -> list[Reason]:
    names: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.status is Status.FAILED:
            names[_reason(row)].append(row.name)
    most = sorted(names.items(), key=lambda one: -len(one[1]))[:MAX_REASONS]
    return [
        Reason(text=text, count=len(found), names=found[:NAMES_PER_REASON])
        for text, found in most
    ]


def _steps(spans: RunSpans, timings: Iterable[StepTiming]) -> list[StepLine]:
    seconds: dict[str, list[float]] = defaultdict(list)
    for timing in timings:
        seconds[timing.step].append(timing.seconds)
    return [
        StepLine(
            name=step,
            documents=len(seconds[step]),
            total=sum(seconds[step]),
            median=median(seconds[step]),
            longest=max(seconds[step]),
        )
        for step in spans.steps
        if seconds[step]
    ]


def _kinds(rows: Iterable[DocumentRow], *, ocr_engine: str) -> list[KindLine]:
    groups: dict[tuple[str, str], list[DocumentRow]] = defaultdict(list)
    for row in rows:
        if row.media_type:
            kind = label(row.media_type).removeprefix("an ").removeprefix("a ")
            engine = row.engine or (ocr_engine if row.ocr_pages else "")
            groups[kind[:1].upper() + kind[1:], engine].append(row)
    return [
        KindLine(
            kind=kind,
            engine=engine,
            documents=len(found),
            pages=sum(row.pages for row in found),
            ocr_pages=sum(row.ocr_pages or 0 for row in found),
            confidence=_confidence(found),
            without_text=sum(
                row.status is Status.COMPLETED and lacks_text(row.message) is not None
                for row in found
            ),
            warnings=sum(len(_warnings(row)) for row in found),
        )
        for (kind, engine), found in sorted(
            groups.items(), key=lambda one: (-len(one[1]), one[0])
        )
    ]


def _confidence(rows: Iterable[DocumentRow]) -> float | None:
    """The mean over recognised pages."""
    pairs = [
        (row.confidence, row.ocr_pages)
        for row in rows
        if row.confidence is not None and row.ocr_pages
    ]
    pages = sum(count for _, count in pairs)
    return sum(each * count for each, count in pairs) / pages if pages else None


def _warnings(row: DocumentRow) -> Sequence[str]:
    found = (row.metadata or {}).get("warnings")
    return [str(each) for each in found] if isinstance(found, list) else []


def _segments(spans: Iterable[Span]) -> Iterator[Segment]:
    for span in spans:
        for step in span.steps:
            kind = step.step or (span.mark.value if span.mark else "unfinished")
            yield Segment(kind, step.begin, step.end, span.name)


def _settings(run: RunRow) -> Mapping[str, Any]:
    """What decides about the results: the steps, and the settings of the run."""
    steps = {"steps": [step["name"] for step in run.steps]}
    known = {
        name: run.settings[name]
        for name in (*RUN_SETTINGS, "sink", "skip_existing", "priority")
        if name in run.settings
    }
    return steps | known


def _versions() -> dict[str, str]:
    """Of what wrote the report: its workers may be elsewhere."""
    found = {"docprogress": __version__, "Python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found | {"System": f"{platform.system()} {platform.machine()}"}


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with unfinished.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)

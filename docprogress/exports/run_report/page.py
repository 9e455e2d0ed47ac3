"""A report as a page that needs nothing else: no server, no network, no other file.

Everything of documents is escaped. The page's policy lets the browser load nothing, and
run nothing but the one script, which sorts and filters the table.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from html import escape
from pathlib import Path

from docprogress.exports.run_report import charts
from docprogress.exports.run_report.values import (
    STATUS_ORDER,
    DocumentLine,
    RunReport,
)
from docprogress.formatting import byte_size, duration, one_line, plural, rate

_FRONTEND = Path(__file__).parents[2] / "frontend" / "dist"

#: The columns of the table of documents: their heads, and whether they are numbers.
_COLUMNS = (
    ("#", True),
    ("Document", False),
    ("Status", False),
    ("Pages", True),
    ("OCR", True),
    ("Chunks", True),
    ("Size", True),
    ("Time", True),
    ("Attempts", True),
    ("Worker", False),
)


def render(report: RunReport) -> str:
    """The whole page."""
    style = (_FRONTEND / "report.css").read_text(encoding="utf-8")
    script = (_FRONTEND / "report.js").read_text(encoding="utf-8")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    title = f"Run {report.run_id}"
    body = "\n".join(_sections(report))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{_text(title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
<script type="module">{script}</script>
</body>
</html>
"""


def _sections(report: RunReport) -> Iterator[str]:
    yield _head(report)
    yield _tiles(report)
    if report.reasons:
        yield _section("Failures", _reasons(report))
    yield _section("Documents", _documents(report))
    if report.tracks:
        yield _section("Timeline", _timeline(report))
    if report.ends:
        yield _section("Throughput", _throughput(report))
    if report.steps:
        yield _section("Steps", _steps(report))
    if report.kinds:
        yield _section("How documents were read", _kinds(report))
    if report.warnings:
        yield _section("Warnings", _warnings(report))
    yield _section("Settings", _pairs(report.settings.items()))
    yield _section("Versions", _pairs(report.versions.items()))


def _head(report: RunReport) -> str:
    case = f" · case {_text(report.case_id)}" if report.case_id else ""
    state = (
        f"Finished in {duration(report.seconds)}"
        if report.finished
        else f"Unfinished after {duration(report.seconds)}: the report shows the run "
        f"as it was at {_moment(report.written_at)}"
    )
    return (
        f"<header><h1>Run {_text(report.run_id)}</h1>"
        f'<p class="summary">{_text(report.summary)}</p>'
        f'<p class="muted">Submitted {_moment(report.created_at)}{case} · {state} · '
        f"Report written {_moment(report.written_at)}</p>{_share(report)}</header>"
    )


def _share(report: RunReport) -> str:
    """A bar of the documents by their statuses."""
    total = sum(report.counts.values())
    if not total:
        return ""
    parts = "".join(
        f'<span class="{status.value}" style="flex-grow:{report.counts[status]}" '
        f'title="{report.counts[status]:,} {status.value}"></span>'
        for status in reversed(STATUS_ORDER)
        if report.counts.get(status)
    )
    return f'<div class="share" role="presentation">{parts}</div>'


def _tiles(report: RunReport) -> str:
    shown = [
        (f"{report.counts[status]:,}", status.value.capitalize(), status.value)
        for status in reversed(STATUS_ORDER)
        if report.counts.get(status)
    ]
    shown += [(f"{count:,}", name, "") for name, count in report.totals.items()]
    if report.seconds and report.totals.get("Pages"):
        speed = rate(report.totals["Pages"] / report.seconds, "pages")
        shown.append((speed.split()[0], speed.split()[1].capitalize(), ""))
    tiles = "".join(
        f'<div class="tile {kind}"><dd>{value}</dd><dt>{name}</dt></div>'
        for value, name, kind in shown
    )
    return f'<dl class="tiles">{tiles}</dl>'


def _reasons(report: RunReport) -> str:
    rows = []
    for reason in report.reasons:
        names = ", ".join(_text(name) for name in reason.names)
        if reason.count > len(reason.names):
            names += f" and {reason.count - len(reason.names):,} more"
        rows.append((_text(reason.text), f"{reason.count:,}", names))
    return _table((("Reason", False), ("Documents", True), ("Which", False)), rows)


def _documents(report: RunReport) -> str:
    shown = len(report.documents)
    note = ""
    if shown < report.document_count:
        note = (
            f'<p class="muted">The first {shown:,} of '
            f"{plural(report.document_count, 'document')}, those that did not complete "
            "first. <code>run.to_frame()</code> or <code>docprogress status "
            f"{_text(report.run_id)}</code> has all.</p>"
        )
    present = [status for status in STATUS_ORDER if report.counts.get(status)]
    options = "".join(
        f'<option value="{status.value}">{status.value.capitalize()}</option>'
        for status in present
    )
    controls = (
        '<form id="filter" hidden><input id="filter-text" type="search" '
        'placeholder="Filter by name, error or worker" '
        'aria-label="Filter by name, error or worker">'
        '<select id="filter-status" aria-label="Status"><option value="">All statuses'
        f'</option>{options}</select><output id="filter-count"></output></form>'
    )
    head = "".join(
        f'<th scope="col"{" class=number" if number else ""}>{name}</th>'
        for name, number in _COLUMNS
    )
    rows = "".join(map(_row, report.documents))
    return (
        f'{note}{controls}<div class="scroll"><table id="documents" class="documents">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(line: DocumentLine) -> str:
    detail = f"<small>{_text(line.detail)}</small>" if line.detail else ""
    cells = (
        _number(line.number),
        f"<td>{_text(line.name)}{detail}</td>",
        f"<td><span class=status>{line.status.value}</span></td>",
        _number(line.pages),
        _number(line.ocr_pages),
        _number(line.chunks),
        _number(line.size, lambda size: byte_size(int(size))),
        _number(line.seconds, lambda seconds: duration(float(seconds))),
        _number(line.attempts),
        f"<td>{_text(line.worker)}</td>",
    )
    return f"<tr class={line.status.value}>{''.join(cells)}</tr>\n"


def _number(value: float | None, shown: object = None) -> str:
    """A cell with a number; `data-value` is its sort key, if that differs."""
    if not value:
        return "<td></td>"
    if callable(shown):
        return f'<td data-value="{value:.3f}">{shown(value)}</td>'
    return f"<td>{value:,}</td>"


def _timeline(report: RunReport) -> str:
    steps = [line.name for line in report.steps]
    classes = charts.kinds_of(report.tracks, steps)
    legend = "".join(
        f'<li><span class="key {kind}"></span>{_text(name)}</li>'
        for name, kind in classes.items()
    )
    lines = []
    previous = None
    for track in report.tracks:
        worker = "" if track.worker == previous else _text(track.worker)
        previous = track.worker
        chart = charts.timeline(track, classes, report.seconds)
        lines.append(f"<div><span>{worker}</span>{chart}</div>")
    more = report.track_count - len(report.tracks)
    note = f'<p class="muted">… and {plural(more, "more track")}</p>' if more else ""
    return (
        f'<ul class="legend">{legend}</ul><div class="tracks">{"".join(lines)}'
        f"{_axis(report.seconds)}</div>{note}"
    )


def _throughput(report: RunReport) -> str:
    chart, most = charts.throughput(report.ends, report.seconds)
    return (
        f'<p class="muted">Pages of the documents that ended; at most '
        f'{rate(most, "pages")}</p><div class="tracks"><div><span></span>{chart}</div>'
        f"{_axis(report.seconds)}</div>"
    )


def _axis(seconds: float) -> str:
    ticks = "".join(f"<span>{duration(seconds * part / 4)}</span>" for part in range(5))
    return f'<div class="axis"><span></span><div>{ticks}</div></div>'


def _steps(report: RunReport) -> str:
    rows = [
        (
            _text(line.name),
            f"{line.documents:,}",
            *map(duration, (line.total, line.median, line.longest)),
        )
        for line in report.steps
    ]
    names = ("Documents", "Total time", "Median", "Longest")
    return _table((("Step", False), *((name, True) for name in names)), rows)


def _kinds(report: RunReport) -> str:
    rows = [
        (
            _text(line.kind),
            _text(line.engine),
            f"{line.documents:,}",
            f"{line.pages:,}",
            f"{line.ocr_pages:,}" if line.ocr_pages else "",
            "" if line.confidence is None else f"{line.confidence:.0%}",
            f"{line.without_text:,}" if line.without_text else "",
            f"{line.warnings:,}" if line.warnings else "",
        )
        for line in report.kinds
    ]
    numbers = ("Documents", "Pages", "Recognised", "Confidence", "No text", "Warnings")
    return _table(
        (("Kind", False), ("Read by", False), *((name, True) for name in numbers)), rows
    )


def _warnings(report: RunReport) -> str:
    rows = [
        (_text(line.name), "<br>".join(map(_text, line.warnings)))
        for line in report.warnings
    ]
    more = report.warning_count - len(report.warnings)
    note = f'<p class="muted">… and {plural(more, "more document")}</p>' if more else ""
    return _table((("Document", False), ("Warnings", False)), rows) + note


def _pairs(pairs: Iterable[tuple[str, object]]) -> str:
    rows = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(_value(value))}</dd></div>"
        for name, value in pairs
    )
    return f'<dl class="pairs">{rows}</dl>'


def _table(columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    marks = [" class=number" if number else "" for _, number in columns]
    head = "".join(
        f'<th scope="col"{mark}>{name}</th>'
        for mark, (name, _) in zip(marks, columns, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{mark}>{cell}</td>" for mark, cell in zip(marks, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _section(title: str, content: str) -> str:
    name = title.lower().replace(" ", "-")
    return f'<section id="{name}-section"><h2>{title}</h2>{content}</section>'


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _moment(moment: datetime) -> str:
    return f'<time datetime="{moment.isoformat()}">{moment:%Y-%m-%d %H:%M} UTC</time>'


def _text(text: str) -> str:
    return escape(one_line(text))

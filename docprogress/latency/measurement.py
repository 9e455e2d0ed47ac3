"""The result of a measurement: durations of each stage, as a table and as a plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from docprogress.formatting import plural
from docprogress.latency.plan import Plan

if TYPE_CHECKING:
    from pandas import DataFrame

    from docprogress.plots.charts.style import Plot

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: The percentiles that are reported.
PERCENTILES = (50, 95, 99)

#: Milliseconds up to which people perceive a reaction as instantaneous: R. B. Miller,
#: Response time in man-computer conversational transactions (1968), topic 1;
#: J. Nielsen, Usability Engineering (1993), chapter 5.
INSTANTANEOUS_MS = 100.0

#: The stages, in order.
TO_REDIS = "publish → Redis"
TO_KERNEL = "Redis → kernel"
TO_PAINTED = "kernel → painted"
UNTIL_KERNEL = "publish → kernel"
UNTIL_PAINTED = "publish → painted"
UNTIL_CLIENT = "publish → SSE client"

#: The stages from end to end; the others are parts of them.
END_TO_END = (UNTIL_KERNEL, UNTIL_PAINTED, UNTIL_CLIENT)

#: All of them.
STAGES = (TO_REDIS, TO_KERNEL, UNTIL_KERNEL, TO_PAINTED, UNTIL_PAINTED, UNTIL_CLIENT)


@dataclass(frozen=True, kw_only=True)
class ClockOffset:
    """How far the page's clock is ahead of the kernel's, in seconds."""

    seconds: float
    #: By how much that may be wrong, either way: half of the best round trip.
    uncertainty: float


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the way of events, and how long each of them took."""

    name: str
    #: The number of durations if every event had arrived everywhere.
    expected: int
    #: The index of each event's document, from 0, and its number there, from 1.
    documents: Integers
    numbers: Integers
    #: Seconds, and by how much they may be wrong.
    seconds: Floats
    uncertainty: Floats
    #: Whether a newer event arrived first.
    overtaken: NDArray[np.bool_]
    #: The client that received it, from 0; None if the stage has no clients.
    clients: Integers | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """What was measured."""

    documents: int
    events: int
    clients: int
    #: Seconds from the first event to the last.
    seconds: float
    #: Events published per second, which may be fewer than requested.
    events_per_second: float
    #: The page's clock; None without a page.
    offset: ClockOffset | None
    #: The stages that could not be measured, each with its reason.
    missing: Mapping[str, str]
    stages: Sequence[Stage] = field(repr=False)
    document_ids: Sequence[str] = field(repr=False)

    def to_frame(self) -> "DataFrame":
        """Return a row for each event and stage, and for each client where it has any.

        `event` counts the events of its document, and `client` the clients, from 1.
        `latency_ms` and `uncertainty_ms` are milliseconds. The latency of an
        `overtaken` event lasts until a newer one of its document arrived.
        """
        import pandas as pd

        parts = []
        for stage in self.stages:
            count = len(stage.seconds)
            clients = (
                pd.array([pd.NA] * count, dtype="Int64")
                if stage.clients is None
                else pd.array(stage.clients + 1, dtype="Int64")
            )
            parts.append(
                pd.DataFrame(
                    {
                        "stage": pd.Categorical(
                            [stage.name] * count, [each.name for each in self.stages]
                        ),
                        "document_id": pd.Categorical.from_codes(
                            stage.documents, pd.Index(self.document_ids)
                        ),
                        "event": stage.numbers,
                        "client": clients,
                        "latency_ms": 1000 * stage.seconds,
                        "uncertainty_ms": 1000 * stage.uncertainty,
                        "overtaken": stage.overtaken,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def summary(self) -> "DataFrame":
        """Return a row for each stage: the number of events, and percentiles.

        95 of 100 events took at most `p95_ms`. `measured` is less than `expected` if
        events were lost. If a stage could not be measured, `missing` says why.
        """
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {}
        for stage in self.stages:
            milliseconds = 1000 * stage.seconds
            shown: dict[str, Any] = {
                "measured": len(milliseconds),
                "expected": stage.expected,
            }
            for percentile in PERCENTILES:
                shown[f"p{percentile}_ms"] = np.percentile(milliseconds, percentile)
            shown["max_ms"] = milliseconds.max()
            shown["uncertainty_ms"] = 1000 * float(np.median(stage.uncertainty))
            rows[stage.name] = shown | {"missing": ""}
        for name, reason in self.missing.items():
            rows[name] = {"measured": 0, "expected": 0, "missing": reason}
        columns = [
            "measured",
            "expected",
            *(f"p{percentile}_ms" for percentile in PERCENTILES),
            "max_ms",
            "uncertainty_ms",
            "missing",
        ]
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
        return frame.rename_axis("stage")

    def plot(self) -> "Plot":
        """Draw the distribution of each stage on a logarithmic axis.

        Raises:
            ImportError: matplotlib is not installed.
        """
        from docprogress.plots.charts.distribution import Row, distribution

        return distribution(
            [
                Row(
                    stage.name,
                    1000 * stage.seconds,
                    emphasised=stage.name in END_TO_END,
                )
                for stage in self.stages
            ],
            percentiles=PERCENTILES,
            threshold=INSTANTANEOUS_MS,
            title=self.headline,
            notes=[
                f"Not measured: {name}: {reason}"
                for name, reason in self.missing.items()
            ],
        )

    def __str__(self) -> str:
        shown = self.summary()
        lines = [self.headline]
        found = shown[shown.missing == ""].drop(columns=["missing", "expected"])
        lines.append(found.to_string(float_format=lambda value: f"{value:.2f}"))
        lines += [f"{name}: {reason}" for name, reason in self.missing.items()]
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else str(self))

    def _repr_html_(self) -> str:
        from html import escape

        shown = self.summary()
        found = shown[shown.missing == ""].drop(columns="missing")
        table = found.to_html(float_format=lambda value: f"{value:.2f}", border=0)
        missing = "".join(
            f"<li><b>{escape(name)}</b>: {escape(reason)}</li>"
            for name, reason in self.missing.items()
        )
        notes = f"<p>Not measured:</p><ul>{missing}</ul>" if missing else ""
        return f"<p>{escape(self.headline)}</p>{table}{notes}"

    @property
    def headline(self) -> str:
        """What was published, in one line."""
        text = (
            f"{plural(self.events, 'event')} of {plural(self.documents, 'document')} "
            f"in {self.seconds:.1f} s ({self.events_per_second:,.0f} a second)"
        )
        if self.clients:
            text += f", {plural(self.clients, 'client')}"
        if self.offset is not None:
            text += (
                f"; the page's clock is known to ±{1000 * self.offset.uncertainty:.1f}"
                " ms"
            )
        return text


class Arrivals(NamedTuple):
    """When each event arrived somewhere: NaN if it never did."""

    moments: Floats
    #: Whether a newer event of the same document arrived first.
    overtaken: np.ndarray[tuple[int], np.dtype[np.bool_]]


def arrivals_of(
    plan: Plan, documents: Integers, numbers: Integers, moments: Floats
) -> Arrivals:
    """When one listener had received each event, or a newer one of its document.

    Args:
        plan: What was published.
        documents: The document of each received event, in order of arrival.
        numbers: Its number in the document.
        moments: When it arrived.
    """
    first = np.full((plan.documents, plan.count(0) + 1), np.nan)
    delivered = np.zeros(first.shape, dtype=bool)
    np.fmin.at(first, (documents, numbers), moments)
    delivered[documents, numbers] = True
    # A newer event makes all older ones of its document obsolete.
    earliest = np.fmin.accumulate(first[:, ::-1], axis=1)[:, ::-1]
    document, number = places_of(plan)
    return Arrivals(earliest[document, number], ~delivered[document, number])


def places_of(plan: Plan) -> tuple[Integers, Integers]:
    """The document of each event and its number there, in publishing order."""
    positions = np.arange(plan.events)
    return positions % plan.documents, positions // plan.documents + 1


def until_kernel(plan: Plan, published: Floats, received: Arrivals) -> list[Stage]:
    """Durations from publishing an event until this process received it, by stage.

    Args:
        plan: What was published.
        published: When each event was sent, and when Redis had answered; NaN if it
            never was.
        received: When each event arrived here.
    """
    sent, answered = published.T
    # Redis had the event before it arrived here; overtaken events never arrived.
    latest = np.where(received.overtaken, answered, np.fmin(answered, received.moments))
    half = (latest - sent) / 2
    redis = Arrivals(sent + half, np.zeros(plan.events, dtype=bool))
    certain = np.zeros(plan.events)
    return [
        _stage(plan, TO_REDIS, sent, redis, half),
        _stage(plan, TO_KERNEL, redis.moments, received, half),
        _stage(plan, UNTIL_KERNEL, sent, received, certain),
    ]


def until_painted(
    plan: Plan,
    *,
    published: Floats,
    received: Arrivals,
    sent_rows: Integers,
    painted: Sequence[tuple[int, float]],
    offset: ClockOffset,
) -> list[Stage]:
    """Durations from publishing or receiving an event until the page painted it.

    Args:
        plan: What was published.
        published: When each event was sent, and when Redis had answered.
        received: When each event arrived here.
        sent_rows: What was sent to the page: document, event, number of the message.
        painted: What the page painted when, by its own clock: message, moment.
        offset: How far that clock is ahead.
    """
    messages, moments = np.array(painted).T
    # Painting a message includes painting all earlier ones.
    newest = np.maximum.accumulate(messages)
    document, number, message = sent_rows.reshape(-1, 3).T
    found = np.searchsorted(newest, message)
    seen = found < len(newest)
    at = moments[found[seen]] - offset.seconds
    shown = arrivals_of(plan, document[seen], number[seen], at)
    uncertainty = np.full(plan.events, offset.uncertainty)
    sent = published[:, 0]
    # An unpublished event has no start, even if a newer one was received.
    begun = np.where(np.isnan(sent), np.nan, received.moments)
    stages = [
        _stage(plan, TO_PAINTED, begun, shown, uncertainty),
        _stage(plan, UNTIL_PAINTED, sent, shown, uncertainty),
    ]
    return [stage for stage in stages if len(stage.seconds)]


def until_clients(
    plan: Plan, published: Floats, clients: int, places: Integers, moments: Floats
) -> Stage:
    """Durations from publishing an event until each client received it.

    Args:
        plan: What was published.
        published: When each event was sent, and when Redis had answered.
        clients: The number of clients.
        places: What arrived: client, document, event.
        moments: When it arrived.
    """
    client, document, number = places.reshape(-1, 3).T
    sent, certain = published[:, 0], np.zeros(plan.events)
    order = np.argsort(client, kind="stable")
    bounds = np.searchsorted(client[order], np.arange(clients + 1))
    parts = []
    for each in range(clients):
        own = order[bounds[each] : bounds[each + 1]]
        received = arrivals_of(plan, document[own], number[own], moments[own])
        parts.append(_stage(plan, UNTIL_CLIENT, sent, received, certain))
    return Stage(
        name=UNTIL_CLIENT,
        expected=int(np.count_nonzero(~np.isnan(sent))) * clients,
        documents=np.concatenate([part.documents for part in parts]),
        numbers=np.concatenate([part.numbers for part in parts]),
        seconds=np.concatenate([part.seconds for part in parts]),
        uncertainty=np.concatenate([part.uncertainty for part in parts]),
        overtaken=np.concatenate([part.overtaken for part in parts]),
        clients=np.repeat(np.arange(clients), [len(part.seconds) for part in parts]),
    )


def _stage(
    plan: Plan, name: str, begun: Floats, ended: Arrivals, uncertainty: Floats
) -> Stage:
    document, number = places_of(plan)
    seconds = ended.moments - begun
    measured = ~np.isnan(seconds)
    return Stage(
        name=name,
        expected=int(np.count_nonzero(~np.isnan(begun))),
        documents=document[measured],
        numbers=number[measured],
        seconds=seconds[measured],
        uncertainty=uncertainty[measured],
        overtaken=ended.overtaken[measured],
    )

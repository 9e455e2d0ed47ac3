"""What a measurement has found: as a table, in a few numbers, and as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from docprogress.formatting import plural

if TYPE_CHECKING:
    from pandas import DataFrame

    from docprogress.plots.style import Plot

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: The shares of events that are told of, in per cent.
SHARES = (50, 95, 99)

#: Milliseconds that feel like none: R. B. Miller, Response time in man-computer
#: conversational transactions (1968), topic 1; J. Nielsen, Usability Engineering
#: (1993), chapter 5.
AT_ONCE = 100.0


@dataclass(frozen=True, kw_only=True)
class ClockOffset:
    """How far the page's clock is ahead of the kernel's, in seconds."""

    seconds: float
    #: By how much that may be wrong, either way: half of the best round trip.
    uncertainty: float


@dataclass(frozen=True, kw_only=True)
class Hop:
    """A part of the way, and how long each event took for it."""

    name: str
    #: How many there would be if every event had come to everybody.
    expected: int
    #: The place of each event's document, from 0, and its number there, from 1.
    documents: Integers
    numbers: Integers
    #: Seconds, and by how much they may be wrong.
    seconds: Floats
    uncertainty: Floats
    #: Whether a newer event was told in its place.
    overtaken: NDArray[np.bool_]
    #: Which client it came to, from 0; None on a way that is not a client's.
    clients: Integers | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """What was measured; nothing in it changes any more."""

    documents: int
    events: int
    clients: int
    #: Seconds from the first event to the last.
    seconds: float
    #: How many events were published a second, which may be fewer than were wanted.
    events_per_second: float
    #: The page's clock; None where no page took part.
    offset: ClockOffset | None
    #: The hops that could not be measured, each with its reason.
    missing: Mapping[str, str]
    hops: Sequence[Hop] = field(repr=False)
    document_ids: Sequence[str] = field(repr=False)

    def to_frame(self) -> "DataFrame":
        """A row for each event and hop, and for each client on the way to those.

        `event` counts the events of its document, from 1; `client` the clients, from
        1; `latency_ms` and `uncertainty_ms` are milliseconds.  An event that was
        `overtaken` counts from when a newer one of its document was told instead.
        """
        import pandas as pd

        parts = []
        for hop in self.hops:
            count = len(hop.seconds)
            clients = (
                pd.array([pd.NA] * count, dtype="Int64")
                if hop.clients is None
                else pd.array(hop.clients + 1, dtype="Int64")
            )
            parts.append(
                pd.DataFrame(
                    {
                        "hop": pd.Categorical(
                            [hop.name] * count, [each.name for each in self.hops]
                        ),
                        "document_id": pd.Categorical.from_codes(
                            hop.documents, pd.Index(self.document_ids)
                        ),
                        "event": hop.numbers,
                        "client": clients,
                        "latency_ms": 1000 * hop.seconds,
                        "uncertainty_ms": 1000 * hop.uncertainty,
                        "overtaken": hop.overtaken,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def summary(self) -> "DataFrame":
        """A row for each hop: how many events, and milliseconds of the slowest ones.

        `p95_ms` says that 95 of 100 events took no longer.  `measured` may be less
        than `expected` where events were lost; where a hop could not be measured at
        all, `missing` says why.
        """
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {}
        for hop in self.hops:
            told = 1000 * hop.seconds
            shown: dict[str, Any] = {"measured": len(told), "expected": hop.expected}
            for share in SHARES:
                shown[f"p{share}_ms"] = np.percentile(told, share)
            shown["max_ms"] = told.max()
            shown["uncertainty_ms"] = 1000 * float(np.median(hop.uncertainty))
            rows[hop.name] = shown | {"missing": ""}
        for name, reason in self.missing.items():
            rows[name] = {"measured": 0, "expected": 0, "missing": reason}
        columns = [
            "measured",
            "expected",
            *(f"p{share}_ms" for share in SHARES),
            "max_ms",
            "uncertainty_ms",
            "missing",
        ]
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
        return frame.rename_axis("hop")

    def plot(self) -> "Plot":
        """How many events took how long on each hop, on a logarithmic axis.

        Raises:
            ImportError: matplotlib is not installed.
        """
        from docprogress.latency.hops import END_TO_END
        from docprogress.plots.distribution import Row, distribution

        return distribution(
            [
                Row(hop.name, 1000 * hop.seconds, emphasised=hop.name in END_TO_END)
                for hop in self.hops
            ],
            percentiles=SHARES,
            threshold=AT_ONCE,
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
        """What was done, in a line."""
        said = (
            f"{plural(self.events, 'event')} of {plural(self.documents, 'document')} "
            f"in {self.seconds:.1f} s ({self.events_per_second:,.0f} a second)"
        )
        if self.clients:
            said += f", {plural(self.clients, 'client')}"
        if self.offset is not None:
            said += (
                f"; the page's clock is known to ±{1000 * self.offset.uncertainty:.1f}"
                " ms"
            )
        return said

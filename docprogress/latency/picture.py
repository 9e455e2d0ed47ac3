"""The picture of a measurement: a row for each hop, one logarithmic axis for all."""

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from docprogress.latency.hops import UNTIL_CLIENT, UNTIL_KERNEL, UNTIL_PAINTED
from docprogress.latency.measurement import AT_ONCE, SHARES, Floats, Hop, Measurement
from docprogress.plots import (
    ALARM,
    COLOURS,
    FAINT,
    INK,
    LINE,
    SMALL,
    WIDTH,
    Plot,
    plain,
)

#: Inches of a row, of what is around all of them, and of a line of what is missing.
ROW = 0.62
AROUND = 1.5
NOTE = 0.19

#: Columns into which a power of ten is divided.
COLUMNS = 16

#: The least that the axis shows, in milliseconds: what is quicker is shown there.
LEAST = 0.001

#: How wide the table of numbers is, next to 1 for the axis, and where its columns end.
TABLE = 0.36
NUMBERS = (0.22, 0.48, 0.74, 1.0)

#: How the numbers are marked on the axis, and what stands above their columns.
SHAPES = "o|d>"
SYMBOLS = "●|◆▶"

#: Characters of a line of what is missing.
LINE_LENGTH = 130

#: The ways from end to end, and all else, which are parts of them.
WHOLE = (UNTIL_KERNEL, UNTIL_PAINTED, UNTIL_CLIENT)


def distribution(measured: Measurement) -> Plot:
    """How many events took how long on each hop, with percentiles."""
    notes = [
        line
        for name, reason in measured.missing.items()
        for line in textwrap.wrap(f"Not measured: {name}: {reason}", LINE_LENGTH)
    ]
    hops = measured.hops
    rows = ROW * len(hops)
    plot = Plot(WIDTH, rows + AROUND + NOTE * len(notes))
    axes, table = plot.subplots(1, 2, sharey=True, width_ratios=[1, TABLE])
    plain(axes)
    table.set_axis_off()
    told = {hop.name: np.maximum(1000 * hop.seconds, LEAST) for hop in hops}
    _draw_axis(axes, np.concatenate(list(told.values())), len(hops))
    for row, hop in enumerate(hops):
        _draw_row(axes, row, hop, told[hop.name])
        _write_row(table, row, told[hop.name])
    axes.set_yticks([row + 0.5 for row in range(len(hops))], [hop.name for hop in hops])
    names = (*(f"p{share}" for share in SHARES), "max")
    for place, symbol, name in zip(NUMBERS, SYMBOLS, names, strict=True):
        _write(table, place, -0.12, f"{symbol} {name}", colour=FAINT)
    _write(table, NUMBERS[-1], len(hops) - 0.03, "milliseconds", colour=FAINT)
    plot.suptitle(
        measured.headline, x=0.01, horizontalalignment="left", fontsize=9.5, color=INK
    )
    if notes:
        plot.supxlabel(
            "\n".join(notes),
            x=0.01,
            horizontalalignment="left",
            fontsize=SMALL,
            color=FAINT,
            parse_math=False,
        )
    return plot


def _draw_axis(axes: Axes, told: Floats, rows: int) -> None:
    least = min(10 ** np.floor(np.log10(told.min())), 1.0)
    most = max(10 ** np.ceil(np.log10(told.max())), 1000.0)
    axes.set_xscale("log")
    axes.set_xlim(least, most)
    powers = 10.0 ** np.arange(np.log10(least), np.log10(most) + 0.5)
    axes.xaxis.set_major_locator(FixedLocator(powers.tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: _said(ms)))
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axvline(AT_ONCE, color=ALARM, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    axes.text(
        AT_ONCE,
        -0.12,
        "100 ms: felt as at once",
        color=ALARM,
        backgroundcolor="white",
        fontsize=SMALL,
        verticalalignment="center",
        horizontalalignment="center",
    )
    axes.set_ylim(rows - 0.1, -0.35)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _draw_row(axes: Axes, row: int, hop: Hop, told: Floats) -> None:
    first, last = np.log10(told.min()), np.log10(told.max())
    columns = max(int(np.ceil((last - first) * COLUMNS)), 1)
    edges = np.logspace(first, max(last, first + 1 / COLUMNS), columns + 1)
    # Rounding may put the edges inside of what they are the edges of.
    heights = np.histogram(np.clip(told, edges[0], edges[-1]), edges)[0]
    base = row + 0.72
    whole = hop.name in WHOLE
    axes.stairs(
        base - 0.66 * heights / heights.max(),
        edges,
        baseline=base,
        fill=True,
        color=COLOURS[0] if whole else COLOURS[4],
        zorder=2,
    )
    axes.hlines(base, told.min(), told.max(), color=INK, linewidth=0.8, zorder=3)
    shares = np.percentile(told, SHARES)
    for value, shape in zip((*shares, told.max()), SHAPES, strict=True):
        axes.plot(
            value,
            base,
            marker=shape,
            color=INK,
            markeredgecolor=INK if shape == "|" else "white",
            markeredgewidth=1.6 if shape == "|" else 0.7,
            markersize=9 if shape == "|" else 6,
            zorder=4,
            clip_on=False,
        )


def _write_row(table: Axes, row: int, told: Floats) -> None:
    values = (*np.percentile(told, SHARES), told.max())
    for place, value in zip(NUMBERS, values, strict=True):
        _write(table, place, row + 0.5, _number(value))


def _write(axes: Axes, x: float, y: float, text: str, *, colour: str = INK) -> None:
    axes.text(
        x,
        y,
        text,
        transform=axes.get_yaxis_transform(),
        horizontalalignment="right",
        verticalalignment="center",
        fontsize=SMALL + 1,
        color=colour,
    )


def _number(milliseconds: float) -> str:
    """Three digits that count."""
    if milliseconds >= 99.95:  # noqa: PLR2004
        return f"{milliseconds:,.0f}"
    return f"{milliseconds:.1f}" if milliseconds >= 10 else f"{milliseconds:.2f}"  # noqa: PLR2004


def _said(milliseconds: float) -> str:
    if milliseconds >= 1000:  # noqa: PLR2004
        return f"{milliseconds / 1000:,.0f} s"
    if milliseconds < 1:
        return f"{1000 * milliseconds:.0f} µs"
    return f"{milliseconds:.0f} ms"

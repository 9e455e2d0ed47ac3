"""What all charts have in common: colours, sizes, and text that fits."""

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextToPath

#: Colours that can be distinguished with any kind of colour vision (Okabe and Ito,
#: https://jfly.uni-koeln.de/color/).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442")
ALARM = "#D55E00"
INK = "#24292F"
FAINT = "#6E7781"
LINE = "#D0D7DE"
UNFINISHED = "#E4E7EB"

#: Pixels per inch in a notebook; images have twice as many, for fine screens.
DPI = 100

#: The width of a figure in inches.
WIDTH = 10.0

#: The size of small text in points, and the width of an average letter in ems.
SMALL = 7.5
LETTER = 0.6

#: The minimum number of letters that are worth showing of a name.
LEAST_LETTERS = 8

#: The number of letters of a long text that are examined.
LONGEST_TEXT = 200


class Plot(Figure):
    """A figure that a notebook shows once and that pyplot does not manage."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__(
            figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained"
        )
        FigureCanvasAgg(self)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        image = io.BytesIO()
        self.savefig(image, format="png", dpi=2 * DPI)
        width, height = (round(inches * DPI) for inches in self.get_size_inches())
        return image.getvalue(), {"width": width, "height": height}


def plain(axes: Axes) -> None:
    """Reduce axes to faint left and bottom spines."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.tick_params(colors=INK, labelsize=SMALL + 0.5, color=LINE)


def note(axes: Axes, text: str) -> None:
    """Write a note in the middle of empty axes."""
    axes.text(
        0.5,
        0.5,
        text,
        transform=axes.transAxes,
        horizontalalignment="center",
        verticalalignment="center",
        fontsize=SMALL + 1,
        color=FAINT,
    )


def legend(axes: Axes, handles: Sequence[Any], **options: Any) -> None:
    """Draw a legend without a frame, in small letters."""
    drawn = axes.legend(
        handles=handles,
        fontsize=SMALL + 0.5,
        frameon=False,
        labelcolor=INK,
        handlelength=1.2,
        columnspacing=1.2,
        handletextpad=0.5,
        **options,
    )
    for text in drawn.get_texts():
        text.set_parse_math(False)


def cut(text: str, letters: int) -> str:
    """Return `text` as one line of at most so many letters that the font has.

    The middle is left out, because similar names often differ at the end.
    """
    font = get_font(findfont("DejaVu Sans"))
    if len(text) > LONGEST_TEXT:
        text = f"{text[: LONGEST_TEXT // 2]}…{text[-LONGEST_TEXT // 2 :]}"
    drawable = "".join(
        letter if letter.isprintable() and font.get_char_index(ord(letter)) else "□"
        for letter in " ".join(text.split())
    )
    if len(drawable) <= letters:
        return drawable
    end = 3 * letters // 5
    return f"{drawable[: letters - 1 - end]}…{drawable[len(drawable) - end :]}"


def fitted(text: str, size: float, points: float) -> str:
    """As much of `text` as fits into a width in points; it may be empty."""
    font = FontProperties(family="DejaVu Sans", size=size)
    for letters in range(int(2 * points / size), LEAST_LETTERS - 1, -1):
        shown = cut(text, letters)
        width, _, _ = _measure.get_text_width_height_descent(shown, font, ismath=False)
        if width < points:
            return shown
    return ""


_measure = TextToPath()

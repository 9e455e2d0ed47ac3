"""Read the text of the charts and diagrams (SmartArt) of Word and PowerPoint files."""

from collections.abc import Iterator

from docprogress.errors import LimitExceeded, Unreadable
from docprogress.steps.readers.flow import Budget, Flow
from docprogress.steps.readers.ooxml import (
    CHART,
    DIAGRAM,
    DRAWING,
    Relation,
    attribute,
    elements,
)
from docprogress.steps.text import TooLong
from docprogress.steps.zipped_xml import ZippedXml

#: Points of a chart's series that are read.
MAX_POINTS = 100_000

_TEXT = elements((DRAWING, "p t br"))
_CHART = elements((CHART, "ser tx cat xVal val yVal bubbleSize pt v title"))
_DIAGRAM = elements((DIAGRAM, "pt cxn t"))
_LABELS = ("cat", "xVal")
_VALUES = ("val", "yVal")


def add_drawing(
    package: ZippedXml, found: Relation | None, flow: Flow, *, diagram: bool
) -> None:
    """Add the text of a chart or a diagram; a damaged one has none."""
    if found is None or found.external:
        return
    handler = _Diagram(flow.budget) if diagram else _Chart(flow.budget)
    try:
        package.parse(found.target, handler)
    except Unreadable:
        return
    except (LimitExceeded, TooLong):
        raise
    handler.add_to(flow)


class _Chart:
    """Titles, then a table: a column for each series, a row for each category."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._titles: list[str] = []
        self._series: list[dict[str, list[str]]] = []
        self._open: list[str] = []
        self._text: list[str] | None = None

    def start(self, name: str, _: dict[str, str]) -> None:
        local = _CHART.get(name)
        if local:
            self._open.append(local)
            if local == "ser":
                self._series.append({})
            if local == "v":
                self._text = []
        elif _TEXT.get(name) == "t":
            self._text = []
        elif _TEXT.get(name) == "p" and self._titles:
            self._titles.append("\n")

    def end(self, name: str) -> None:
        local = _CHART.get(name)
        text = self._text
        if local:
            if local == "v" and text is not None:
                self._add_value("".join(text))
                self._text = None
            if self._open:
                self._open.pop()
        elif _TEXT.get(name) == "t" and text is not None:
            self._titles.append("".join(text))
            self._text = None

    def characters(self, data: str) -> None:
        if self._text is not None:
            self._budget.spend(len(data))
            self._text.append(data)

    def add_to(self, flow: Flow) -> None:
        for line in "".join(self._titles).split("\n"):
            if line.strip():
                flow.write(line)
                flow.end_paragraph()
        rows = list(self._rows())
        if not rows:
            return
        flow.begin_table()
        for row in rows:
            flow.begin_row()
            for cell in row:
                flow.begin_cell()
                if cell:
                    flow.write(cell)
                flow.end_cell()
            flow.end_row()
        flow.end_table()

    def _add_value(self, value: str) -> None:
        """File a value under the outermost element that says what it is."""
        if not self._series:
            return
        series = self._series[-1]
        kind = next((k for k in self._open if k in ("tx", *_LABELS, *_VALUES)), None)
        if kind and "ser" in self._open:
            values = series.setdefault(kind, [])
            if len(values) < MAX_POINTS:
                values.append(value if kind in ("tx", *_LABELS) else _number(value))

    def _rows(self) -> Iterator[list[str]]:
        if not self._series:
            return
        labels: list[str] = []
        columns: list[list[str]] = []
        for series in self._series:
            labels = max(labels, _first(series, _LABELS), key=len)
            columns.append(_first(series, _VALUES))
        names = [" ".join(series.get("tx", ())) for series in self._series]
        if any(names):
            yield ["", *names]
        for number in range(max(map(len, [labels, *columns]))):
            yield [
                column[number] if number < len(column) else ""
                for column in (labels, *columns)
            ]


class _Diagram:
    """The points' texts, each before those below it."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._texts: dict[str, list[str]] = {}
        self._below: dict[str, list[tuple[int, str]]] = {}
        self._children: set[str] = set()
        self._point: list[str] | None = None
        self._inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match _DIAGRAM.get(name):
            case "pt":
                self._point = self._texts.setdefault(
                    attribute(attributes, "modelId") or "", []
                )
            case "cxn" if attribute(attributes, "type") in (None, "parOf"):
                above = attribute(attributes, "srcId") or ""
                child = attribute(attributes, "destId") or ""
                order = attribute(attributes, "srcOrd") or ""
                place = int(order) if order.isdecimal() and len(order) < 9 else 0  # noqa: PLR2004
                self._below.setdefault(above, []).append((place, child))
                self._children.add(child)
        if _TEXT.get(name) == "t":
            self._inside = True
        elif _TEXT.get(name) == "br" and self._point is not None:
            self._point.append(" ")

    def end(self, name: str) -> None:
        if _DIAGRAM.get(name) == "pt":
            self._point = None
        local = _TEXT.get(name)
        if local == "t":
            self._inside = False
        elif local == "p" and self._point:
            self._point.append("\n")

    def characters(self, data: str) -> None:
        if self._inside and self._point is not None:
            self._budget.spend(len(data))
            self._point.append(data)

    def add_to(self, flow: Flow) -> None:
        left = dict(self._texts)
        for root in [point for point in self._texts if point not in self._children]:
            self._add_tree(root, left, flow)
        for point in list(left):
            self._add_tree(point, left, flow)

    def _add_tree(self, root: str, left: dict[str, list[str]], flow: Flow) -> None:
        waiting = [root]
        while waiting:
            point = waiting.pop()
            pieces = left.pop(point, None)
            if pieces is None:
                continue  # a circle, or shown already
            for line in "".join(pieces).split("\n"):
                if line.strip():
                    flow.write(line)
                    flow.end_paragraph()
            below = sorted(self._below.get(point, ()), reverse=True)
            waiting += [child for _, child in below]


def _first(series: dict[str, list[str]], kinds: tuple[str, ...]) -> list[str]:
    return next((series[kind] for kind in kinds if kind in series), [])


def _number(value: str) -> str:
    """A stored number without the noise of binary fractions."""
    try:
        return f"{float(value):.12g}"
    except ValueError:
        return value

"""Where the text of an RTF group goes: the body, a header, a note, a text box."""

from docprogress.steps.readers.flow import BULLET, Flow

#: Nested tables that are distinguished.
MAX_TABLES = 50

#: Cells of a row whose definitions are kept.
MAX_CELLS = 1_000

#: Which cell a merged one belongs to.
ABOVE, LEFT = "above", "left"


class Target:
    """A flow with the paragraph and the tables that are open in it."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.asides: list[Flow] = []
        #: How deep in tables the paragraph says it is; 0 for outside.
        self.depth = 0
        #: Whether a row has begun whose cells may not say so.
        self.in_row = False
        self.heading = 0
        self.label: list[str] = []
        self.level = 0
        self._begun = False
        # What the cells of the row belong to, and how many have ended.
        self._defined: list[str] = []
        self._merge = ""
        self._count = 0
        # For each open table, whether a cell of it is open.
        self._cells: list[bool] = []

    def begin_row(self) -> None:
        """Begin the definition of a row."""
        self.in_row = True
        self._defined.clear()
        self._merge = ""

    def merge(self, with_cell: str) -> None:
        """State that the next cell that is defined belongs to another."""
        self._merge = with_cell

    def define_cell(self) -> None:
        if len(self._defined) < MAX_CELLS:
            self._defined.append(self._merge)
        self._merge = ""

    def write(self, text: str, style: int, link: str = "") -> None:
        self._enter(self.depth or int(self.in_row))
        if not self._begun:
            self._begun = True
            label = " ".join("".join(self.label).split())
            # Word's bullet of the second level is an `o` in Courier New.
            if len(label) == 1 and (label == "o" or not label.isalnum()):
                label = BULLET
            self.flow.begin_paragraph(
                heading=self.heading, label=label, level=self.level if label else None
            )
        self.flow.write(text, style, link)

    def end_paragraph(self) -> None:
        self.flow.end_paragraph()
        self._begun = False
        self.label.clear()
        for aside in self.asides:
            self.flow.add(aside)
        self.asides.clear()

    def reset_paragraph(self) -> None:
        """Forget the paragraph's properties, but not its label."""
        self.depth = self.heading = self.level = 0

    def end_cell(self, depth: int) -> None:
        """End a cell of the table at this depth, counted from 1."""
        self.end_paragraph()
        self._enter(depth)
        merge = ""
        if depth == 1:
            merge = "".join(self._defined[self._count : self._count + 1])
            self._count += 1
        self.flow.end_cell(continued=merge == ABOVE, beside=merge == LEFT)
        self._cells[-1] = False

    def end_row(self, depth: int) -> None:
        self.end_paragraph()
        while len(self._cells) > depth:
            self._leave()
        if len(self._cells) == depth and self._cells:
            self.flow.end_row()
            self.flow.begin_row()
            self._cells[-1] = False
        self.in_row = False
        self._count = 0

    def finish(self) -> None:
        """End what is open."""
        self.end_paragraph()
        while self._cells:
            self._leave()

    def _enter(self, depth: int) -> None:
        depth = min(depth, MAX_TABLES)
        if depth == len(self._cells) and (not depth or self._cells[-1]):
            return
        while len(self._cells) > depth:
            self._leave()
        while True:
            if self._cells and not self._cells[-1]:
                self.flow.begin_cell()
                self._cells[-1] = True
            if len(self._cells) == depth:
                return
            self.flow.begin_table()
            self.flow.begin_row()
            self._cells.append(False)

    def _leave(self) -> None:
        if self._cells.pop():
            self.flow.end_cell()
        self.flow.end_row()
        self.flow.end_table()

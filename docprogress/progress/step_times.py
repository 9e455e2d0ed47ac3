"""How long documents took to pass a step, by their pages where these are known."""


class StepTimes:
    """How long documents took to pass a step."""

    __slots__ = (
        "documents",
        "entries",
        "paged_seconds",
        "pages",
        "progress",
        "seconds",
        "squares",
    )

    def __init__(self) -> None:
        self.documents = 0
        self.seconds = 0.0
        self.squares = 0.0
        #: Of the documents whose pages are known.
        self.pages = 0
        self.paged_seconds = 0.0
        #: The sum of documents' progress when they entered.
        self.progress = 0.0
        self.entries = 0

    @property
    def position(self) -> float:
        """Where in a document the step begins, in percent."""
        return self.progress / self.entries if self.entries else 0.0

    def add(self, seconds: float, pages: int) -> None:
        """Count a document that passed."""
        self.documents += 1
        self.seconds += max(seconds, 0.0)
        self.squares += max(seconds, 0.0) ** 2
        if pages:
            self.pages += pages
            self.paged_seconds += max(seconds, 0.0)

    def mean(self, pages: int | None) -> float | None:
        """The seconds for a document, in proportion to its pages if they are known."""
        if not self.documents:
            return None
        if pages and self.pages:
            return self.paged_seconds / self.pages * pages
        return self.seconds / self.documents

"""A clock that moves only when a test moves it."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Clock:
    """A monotonic clock, and a time of day that advances with it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds

    def today(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds - 1000.0)

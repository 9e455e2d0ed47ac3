"""The store: one object that holds the parts of the database's interface."""

from types import TracebackType
from typing import Self

from docprogress.store.attempts import Attempts
from docprogress.store.documents import Documents
from docprogress.store.earlier import EarlierVersions
from docprogress.store.engine import Database
from docprogress.store.members import Members
from docprogress.store.passages import Passages
from docprogress.store.queues import QueueBacklog
from docprogress.store.recognised import RecognisedPages
from docprogress.store.results import Results
from docprogress.store.reuse import Reuse
from docprogress.store.runs import Runs
from docprogress.store.sinks import SinkDocuments
from docprogress.store.source_documents import SourceDocuments
from docprogress.store.sources import Sources
from docprogress.store.submissions import Submissions
from docprogress.store.vectors import Vectors
from docprogress.store.words import WordIndex


class Store:
    """Runs, documents, attempts and results, in SQLite or PostgreSQL.

    May be used from several threads, and in the children of a process that forks.
    Every call is one short transaction.

    Args:
        url: `sqlite:///PATH`, or `postgresql+psycopg://…`.
        busy_seconds: Seconds that a transaction waits for another one.
        database: The database instead of these.

    Raises:
        StoreError: `url` is neither.
    """

    def __init__(
        self,
        url: str = "",
        *,
        busy_seconds: float = 30.0,
        database: Database | None = None,
    ) -> None:
        self.database = database or Database(url, busy_seconds=busy_seconds)
        self.runs = Runs(self.database)
        self.documents = Documents(self.database, self.runs)
        self.submissions = Submissions(self.database)
        self.members = Members(self.database, self.documents)
        self.queues = QueueBacklog(self.database)
        self.attempts = Attempts(self.database, self.runs)
        self.results = Results(self.database)
        self.recognised = RecognisedPages(self.database)
        self.vectors = Vectors(self.database)
        self.words = WordIndex(self.database)
        self.passages = Passages(self.database)
        self.reuse = Reuse(self.database)
        self.earlier = EarlierVersions(self.database, self.results)
        self.sinks = SinkDocuments(self.database)
        self.sources = Sources(self.database)
        self.source_documents = SourceDocuments(self.database)

    def __repr__(self) -> str:
        return f"Store({self.database.url!r})"

    @property
    def url(self) -> str:
        """The database's URL without its password."""
        return self.database.url

    def open(self) -> Self:
        """Create the database, or bring its tables up to date.

        Idempotent, and safe to call from many processes at once.

        Raises:
            StoreUnavailable: The database cannot be reached now.
            StoreError: It cannot be written, is newer than this code, or has the
                tables of another program.
        """
        self.database.open()
        return self

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self.database.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def check(self) -> None:
        """Check that the database can be read and written.

        Raises:
            StoreError: It cannot.
        """
        self.database.check()

    def version(self) -> str | None:
        """The version of the tables in the database now."""
        return self.database.version()

    def system(self) -> str:
        """The database system and its version, and whether it has pgvector.

        Raises:
            StoreError: It cannot be used.
        """
        return self.database.system()

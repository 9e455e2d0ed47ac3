"""The vector of a query, by the embedder of the chunks that it is compared with."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from docprogress.errors import DocProgressError, SettingsError
from docprogress.settings import RUN_SETTINGS, Settings
from docprogress.steps.embed import Embedder, embedder
from docprogress.store import RunRow

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    from docprogress.store.vector_index.embedders import EmbedderInUse

#: The timeout of an endpoint, in seconds: a user waits for the result.
ANSWER_SECONDS = 10.0


def query_vector(run: RunRow, query: str, *, settings: Settings) -> "NDArray[float32]":
    """The vector of a query by a run's embedder, as a vector store compares it.

    Raises:
        SettingsError: The embedder is unavailable here.
    """
    return embed_query(run_embedder(run.settings, settings), query)


def run_embedder(run_settings: Mapping[str, Any], settings: Settings) -> Embedder:
    """The embedder of a run.

    Raises:
        SettingsError: It is unavailable here.
    """
    own = {k: v for k, v in run_settings.items() if k in RUN_SETTINGS}
    # Half of these seconds is the timeout of an endpoint.
    own["step_seconds"] = min(settings.step_seconds, 2 * ANSWER_SECONDS)
    return embedder(settings.model_copy(update=own))


def embed_query(used: Embedder, query: str) -> "NDArray[float32]":
    """The vector of a query.

    Raises:
        DocProgressError: The embedder rejects it, or cannot be reached.
    """
    vector: NDArray[float32] = used.embed([query])[0]
    return vector


class QueryVectors:
    """The vectors of one query, made once by each embedder that is available.

    Args:
        query: The query, which may be replaced by one whose spelling is corrected.
        settings: Of this process: endpoints and keys, which runs do not keep.
    """

    def __init__(self, query: str, *, settings: Settings) -> None:
        self.query = query
        self._settings = settings
        #: By the names of embedders and the text: a vector, or why there is none.
        self._made: dict[tuple[str, str], NDArray[float32] | DocProgressError] = {}
        self._errors: dict[str, DocProgressError] = {}

    @property
    def warnings(self) -> list[str]:
        """What could not be searched, and why."""
        return [
            f"not searched by vectors of {name}: {error}"
            for name, error in self._errors.items()
        ]

    @property
    def first_error(self) -> DocProgressError | None:
        """Why the first of them is not searched."""
        return next(iter(self._errors.values()), None)

    def by(self, used: "EmbedderInUse") -> "NDArray[float32] | None":
        """The vector to compare with those of an embedder; None if there is none."""
        try:
            return self._by(used)
        except DocProgressError as error:
            self._errors[used.name or "an unnamed embedder"] = error
            return None

    def knowledge(self, used: "EmbedderInUse") -> float:
        """How well the embedder of the vector knows the query's language."""
        return run_embedder(used.settings, self._settings).knowledge(self.query)

    def least_similarity(self, used: "EmbedderInUse") -> float:
        """The minimum similarity if no passage has a word of the query."""
        model = run_embedder(used.settings, self._settings)
        return model.least_similarity(self.query)

    def _by(self, used: "EmbedderInUse") -> "NDArray[float32]":
        model = run_embedder(used.settings, self._settings)
        if used.name is not None and model.name != used.name:
            raise SettingsError(
                f"this process has {model.name!r}, whose vectors differ"
            )
        key = model.name, self.query
        if key not in self._made:
            try:
                self._made[key] = embed_query(model, self.query)
            except DocProgressError as error:
                self._made[key] = error
        made = self._made[key]
        if isinstance(made, DocProgressError):
            raise made
        if len(made) != used.dimensions:
            raise SettingsError(
                f"they have {used.dimensions:,} dimensions, and the embedder now makes "
                f"{len(made):,}"
            )
        return made

"""Search: words and vectors, fused, filtered, and perhaps ordered again.

A query is embedded once for each embedder, however many runs have it. An embedder that
is unavailable is named in the results' warnings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docprogress.errors import SearchError
from docprogress.formatting import plural
from docprogress.search.fusion import (
    WINDOW,
    Fused,
    Part,
    Place,
    Ranking,
    fuse,
    part_weights,
)
from docprogress.search.index import Query, matches
from docprogress.search.mode import Mode
from docprogress.search.query_vectors import QueryVectors
from docprogress.search.reranking import RERANKED, Reranker, rerank_scores, reranker
from docprogress.search.results import Hit, SearchResults
from docprogress.settings import Settings
from docprogress.store import Match, Store
from docprogress.store.passages import Passage
from docprogress.store.search_filter import SearchFilter
from docprogress.store.words import WordMatches
from docprogress.words.query import corrected_text

#: Similarities up to this one say nothing, even of a query whose words are found.
LEAST_SIMILARITY = 0.2

#: How often a search is repeated because found documents were replaced.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class _Found:
    """What a search found, and what is at these places."""

    words: WordMatches
    fused: list[Fused]
    passages: dict[Place, Passage]
    #: Places at which there is nothing any more.
    gone: set[Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The query, where to search, and how.

    Raises:
        SearchError: It cannot be searched for.
    """

    query: str
    where: SearchFilter
    mode: str = Mode.HYBRID
    limit: int = 10
    offset: int = 0
    rerank: str | Reranker | None = None
    #: Whether words that no passage has are searched for in another spelling.
    spelling: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.query, str):
            raise SearchError(
                f"the query must be a string, not {type(self.query).__name__}"
            )
        if not self.query.strip():
            raise SearchError("the query is empty")
        if self.mode not in list(Mode):
            choices = ", ".join(repr(mode.value) for mode in Mode)
            raise SearchError(f"unknown mode {self.mode!r}; choose one of {choices}")
        for name in ("limit", "offset"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise SearchError(
                    f"{name}={value!r}: it must be a whole number, 0 or more"
                )
        if not isinstance(self.spelling, bool):
            raise SearchError(f"spelling={self.spelling!r}: it must be True or False")


def search(store: Store, request: Request, *, settings: Settings) -> SearchResults:
    """The passages that answer a query, best first.

    Raises:
        SearchError: The reranker is unavailable, or fails.
        SettingsError: The embedder is not installed.
        DocProgressError: Its endpoint is unavailable or rejects the request.
    """
    rerank = None if request.rerank is None else reranker(request.rerank)
    vectors = QueryVectors(request.query, settings=settings)

    def search_and_read() -> _Found:
        ranked = _by_words(store, request)
        vectors.query = corrected_text(request.query, ranked.corrections)
        fused = fuse(_rankings(store, request, vectors, ranked))
        best = fused[:RERANKED] if rerank else []
        return _Found(ranked, fused, *_read(store, [*best, *_page(fused, request)]))

    found = search_and_read()
    for _ in range(ATTEMPTS):
        if not found.gone:
            break
        # Documents were replaced meanwhile: search what took their place as well.
        found = search_and_read()
    fused = [each for each in found.fused if each.place not in found.gone]
    scores: dict[Place, float] = {}
    if rerank:
        scores = _rerank(fused, found.passages, *rerank, query=request.query)
    return SearchResults(
        [
            _hit(
                each,
                found.passages[each.place],
                found.words.query,
                scores.get(each.place),
            )
            for each in _page(fused, request)
            if each.place in found.passages
        ],
        query=request.query,
        mode=request.mode,
        warnings=[*vectors.warnings, *_not_indexed(store, request)],
        corrections=found.words.corrections,
        offset=request.offset,
    )


def _not_indexed(store: Store, request: Request) -> Iterator[str]:
    """A warning about documents that the word index does not have yet."""
    if request.mode != Mode.VECTORS:
        count = store.words.not_indexed(request.where)
        if count:
            yield (
                f"the words of {plural(count, 'document')} of an earlier version are "
                "not indexed yet: search again in a moment"
            )


def _page(found: list[Fused], request: Request) -> list[Fused]:
    return found[request.offset : request.offset + request.limit]


def _read(store: Store, wanted: list[Fused]) -> tuple[dict[Place, Passage], set[Place]]:
    """The passages at these places, and the places that no longer exist."""
    places = [each.place for each in wanted]
    passages = store.passages.read(places)
    return passages, set(places) - passages.keys()


def _by_words(store: Store, request: Request) -> WordMatches:
    vectors = request.mode == Mode.VECTORS
    return store.words.rank(
        request.query,
        request.where,
        limit=1 if vectors else _depth(request),
        correct=request.spelling and not vectors,
    )


def _rankings(
    store: Store, request: Request, vectors: QueryVectors, ranked: WordMatches
) -> Iterator[Ranking]:
    if not ranked.query:
        return
    words_weight, weight = part_weights(request.query, ranked.share)
    if request.mode != Mode.VECTORS:
        yield Ranking(part=Part.WORDS, matches=ranked.matches, weight=words_weight)
    if request.mode != Mode.WORDS:
        yield from _vector_rankings(store, request, vectors, ranked.matches, weight)


def _depth(request: Request) -> int:
    """How many passages of each ranking are read: more for later pages of results."""
    return max(WINDOW, request.offset + request.limit)


def _vector_rankings(
    store: Store,
    request: Request,
    vectors: QueryVectors,
    words: list[Match],
    weight: float,
) -> Iterator[Ranking]:
    hybrid = request.mode == Mode.HYBRID
    searched: set[str | None] = set()
    for used in store.vectors.embedders(request.where):
        vector = vectors.by(used)
        known = vectors.knowledge(used) if hybrid and vector is not None else 1.0
        if vector is None or not known:
            continue
        searched.add(used.name)
        near = store.vectors.nearest(
            vector, embedder=used.name, filter=request.where, limit=_depth(request)
        )
        if used.words_only:
            similar = _with_words(store, near, request.query)
        else:
            least = LEAST_SIMILARITY if words else vectors.least_similarity(used)
            similar = [match for match in near if match.score > least]
        yield Ranking(part=Part.VECTORS, matches=similar, weight=weight * known)
    if searched and hybrid:
        # What no vector is compared with is ranked by its words in both parts.
        embedders = store.passages.embedders({match.document_id for match in words})
        only = [
            each
            for each in words
            if embedders.get(each.document_id, "") not in searched
        ]
        yield Ranking(part=Part.VECTORS, matches=only, weight=weight, scored=False)
    if not hybrid and not searched and vectors.first_error:
        raise vectors.first_error


def _with_words(store: Store, near: list[Match], query: str) -> list[Match]:
    """Those that have a word of the query: words may share a place in the vectors."""
    passages = store.passages.read([(each.document_id, each.number) for each in near])
    return [
        match
        for match in near
        if (found := passages.get((match.document_id, match.number)))
        and matches(found.chunk.text, query)
    ]


def _rerank(
    found: list[Fused],
    passages: Mapping[Place, Passage],
    name: str,
    function: Reranker,
    *,
    query: str,
) -> dict[Place, float]:
    """Order the best passages again, in place; their scores."""
    best = [each for each in found[:RERANKED] if each.place in passages]
    texts = [passages[each.place].chunk.text for each in best]
    made = rerank_scores(name, function, query, texts) if best else []
    scores = {each.place: score for each, score in zip(best, made, strict=True)}
    found[: len(best)] = sorted(best, key=lambda each: -scores[each.place])
    return scores


def _hit(each: Fused, passage: Passage, query: Query, rerank: float | None) -> Hit:
    chunk = passage.chunk
    return Hit(
        document=passage.document,
        document_id=each.document_id,
        run_id=passage.run_id,
        case_id=passage.case_id,
        page=chunk.first_page,
        last_page=chunk.last_page,
        headings=chunk.headings,
        kind=chunk.kind,
        number=chunk.number,
        text=chunk.text,
        score=each.score if rerank is None else rerank,
        words=each.words,
        vectors=each.vectors,
        rerank=rerank,
        marks=tuple(matches(chunk.text, query)),
        markdown=passage.markdown,
    )

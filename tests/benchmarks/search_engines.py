"""The index of words beside what databases and libraries have for it.

    .venv/bin/python tests/benchmarks/search_engines.py   # some minutes

All index the passages of `search_truth.py` and the sentences of
`texts/search_words.toml`, and are asked the same questions: nDCG@10. Costs are those of
a larger corpus, that of `search_speed.py`: processor time, of the server's too, and
bytes. What is not installed is left out. Every word of a question is optional.
"""

import argparse
import os
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from search_peers import Engine, engines
from search_scores import ndcg
from search_synthetic import Corpus
from search_truth import TEXTS, truth

#: Groups that need more than words between spaces: (name, language, group).
GROUPS = (
    ("exact words", None, "exact"),
    ("paraphrases", None, "paraphrase"),
    ("codes", None, "codes"),
    ("typos", None, "typos"),
    ("Chinese, Japanese", ("zh", "ja"), None),
    ("Arabic", ("ar",), None),
)


def quality(engine: Engine) -> dict[str, float]:
    """The mean nDCG@10 of each group of questions."""
    made = truth()
    with (TEXTS.parent / "search_words.toml").open("rb") as file:
        sentences = tomllib.load(file)
    passages = list(made.passages)
    places: list[tuple[str, int]] = [(name, number) for name, number, _ in passages]
    texts = [text for *_, text in passages]
    for group, pairs in sentences.items():
        places += [(group, number) for number in range(len(pairs))]
        texts += [text for text, _ in pairs]
    engine.index(texts)

    def score(query: str, answers: frozenset[tuple[str, int]]) -> float:
        return ndcg([places[at] for at in engine.search(query)], answers)

    asked = [(q, score(q.text, q.answers)) for q in made.questions]
    found = {
        name: float(
            np.mean(
                [
                    value
                    for q, value in asked
                    if group in (None, q.group)
                    and q.language in (languages or q.language)
                    and (languages is None or q.group != "paraphrase")
                ]
            )
        )
        for name, languages, group in GROUPS
    }
    for group, name in (("thai", "Thai"), ("compounds", "parts of compounds")):
        found[name] = float(
            np.mean(
                [
                    score(query, frozenset([(group, number)]))
                    for number, (_, query) in enumerate(sentences[group])
                ]
            )
        )
    return found


def costs(engine: Engine, chunks: int) -> dict[str, float]:
    """What indexing and searching take, in the corpus of `search_speed.py`."""
    corpus = Corpus()
    texts = [corpus.text(number) for number in range(chunks)]
    queries = [
        query
        for kind in ("a rare word", "words as in texts", "a question", "a code", "Han")
        for query in corpus.queries()[kind][0]
    ]

    def spent() -> float:
        return time.process_time() + engine.seconds()

    began = spent()
    size = engine.index(texts)
    indexed = spent() - began
    engine.search("warm up")
    began, times = spent(), []
    for query in queries:
        before = time.process_time()
        engine.search(query)
        times.append(time.process_time() - before)
    found = {
        "index, µs a chunk": indexed / chunks * 1e6,
        "index, bytes a chunk": size / chunks,
        "search, ms (mean)": (spent() - began) / len(queries) * 1e3,
    }
    if not engine.seconds():
        found["search, ms (p50)"] = float(np.percentile(times, 50)) * 1e3
        found["search, ms (p95)"] = float(np.percentile(times, 95)) * 1e3
    return found


def _rows(name: str, make: Callable[[], Engine], chunks: int) -> Iterator[str]:
    for kind, found in (
        ("nDCG@10", quality(make())),
        ("costs", costs(make(), chunks)),
    ):
        yield f"{name:16} {kind}: " + ", ".join(
            f"{what} {value:.2f}" for what, value in found.items()
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="engines; all by default")
    parser.add_argument("--chunks", type=int, default=50_000)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = None
        if not options.names or {"tsvector", "pg_trgm"} & set(options.names):
            from support.postgres import system_postgres

            server = stack.enter_context(system_postgres())
            url = server.url().replace("+psycopg", "")
        for name, make in engines(folder, url).items():
            if options.names and name not in options.names:
                continue
            try:
                for row in _rows(name, make, options.chunks):
                    print(row, flush=True)
            except ImportError as error:
                print(f"{name:16} is not installed: {error}")


if __name__ == "__main__":
    main()

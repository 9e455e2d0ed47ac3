"""How well search finds what is asked for: nDCG@10 and recall@5 on a truth of its own.

    .venv/bin/python tests/benchmarks/search.py                        # some minutes
    .venv/bin/python tests/benchmarks/search.py hashing --misses 10    # what is missed

Words, vectors and both together are searched through the store, with the code that
users search with, for each embedder; beside them bm25s with its own tokenizer.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence

# Before numpy: threads of a small matrix product cost more than they save.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import search_public
from search_corpus import Corpus, corpus
from search_scores import Scores, Search, losses, scores, table
from search_truth import Truth, truth

from docprogress.search.searching import Request, search
from docprogress.store.search_filter import SearchFilter

EMBEDDERS = ("hashing", "wordllama", "universal-sentence-encoder")
MODES = ("words", "vectors", "hybrid")
#: One more than is scored: the public truth leaves a text itself out.
LIMIT = 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("embedders", nargs="*", default=EMBEDDERS)
    parser.add_argument("--misses", type=int, default=0, metavar="N")
    options = parser.parse_args()
    made = truth()
    print(
        f"{len(list(made.passages)):,} passages, {len(made.questions):,} questions; "
        "each cell is nDCG@10 and recall@5"
    )
    _print_public(options.embedders)
    peer = {"bm25s": scores(_bm25s(made), made.questions)}
    for embedder in options.embedders:
        with corpus(made, embedder=embedder) as stored:
            began = time.process_time()
            systems = {
                mode: scores(_searching(stored, mode), made.questions) for mode in MODES
            }
            seconds = time.process_time() - began
        searches = len(MODES) * len(made.questions)
        print(f"\n{embedder}: {1000 * seconds / searches:.1f} ms a search")
        for held_out in (False, True, None):
            print(table({**peer, **systems}, held_out=held_out))
            _print_losses(systems, held_out=held_out)
        for question, gained, _ in systems["hybrid"].by_question:
            if options.misses and not gained:
                options.misses -= 1
                print("missed:", question.language, question.group, question.text)


def _print_public(embedders: Sequence[str]) -> None:
    folder = search_public.files()
    if folder is None:
        print("public truth (Lee): not without gensim, whose wheel carries it")
        return
    made, similar = search_public.read(folder)
    found = {"bm25s": search_public.score(_bm25s(made), made, similar)}
    for embedder in embedders:
        with corpus(made, embedder=embedder) as stored:
            for mode in MODES:
                found[f"{embedder} {mode}"] = search_public.score(
                    _searching(stored, mode), made, similar
                )
    print("public truth (Lee), nDCG@10:")
    print("\n".join(f"    {name:40} {value:.3f}" for name, value in found.items()))


def _searching(stored: Corpus, mode: str) -> Search:
    def found(query: str) -> Sequence[tuple[str, int]]:
        request = Request(query=query, where=SearchFilter(), mode=mode, limit=LIMIT)
        hits = search(stored.store, request, settings=stored.settings)
        return stored.places([(hit.document_id, hit.number) for hit in hits])

    return found


def _bm25s(made: Truth) -> Callable[[str], Sequence[tuple[str, int]]]:
    import bm25s

    places = [(name, number) for name, number, _ in made.passages]

    def tokens(texts: list[str]) -> list[list[str]]:
        return bm25s.tokenize(
            texts, stopwords=None, return_ids=False, show_progress=False
        )

    index = bm25s.BM25()
    index.index(tokens([text for *_, text in made.passages]), show_progress=False)

    def found(query: str) -> Sequence[tuple[str, int]]:
        [words] = tokens([query])
        known = [word for word in words if word in index.vocab_dict]
        if not known:
            return []
        scored = index.get_scores(known)
        order = (-scored).argsort(kind="stable")[:LIMIT]
        return [places[at] for at in order if scored[at] > 0]

    return found


def _print_losses(systems: dict[str, Scores], *, held_out: bool | None) -> None:
    parts = [systems["words"], systems["vectors"]]
    found = losses(systems["hybrid"], parts, held_out=held_out)
    worse = ", ".join(
        f"{language} {group} by {loss}" for (language, group), loss in found.items()
    )
    print(f"hybrid is worse than the better of its parts in: {worse or 'no group'}")


if __name__ == "__main__":
    main()

"""What finds texts by words: the index of words, and what is compared with it."""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import psutil
from search_corpus_words import OwnIndex

LIMIT = 10
WORD = re.compile(r"\w+")


class Engine(Protocol):
    """Something that finds texts by words."""

    def index(self, texts: Sequence[str]) -> int:
        """Index texts; the bytes of the index."""

    def search(self, query: str) -> list[int]:
        """The positions of the texts that match, best first."""

    def seconds(self) -> float:
        """Processor time that is not this process's."""


class Inside:
    """An engine within this process."""

    def seconds(self) -> float:
        return 0.0


class Own(Inside):
    """This package's index."""

    def __init__(self, folder: Path) -> None:
        self._index = OwnIndex(folder)

    def index(self, texts: Sequence[str]) -> int:
        return self._index.fill(texts)

    def search(self, query: str) -> list[int]:
        return self._index.search(query, LIMIT)


class Fts5(Inside):
    """SQLite's full-text search."""

    def __init__(self, folder: Path, tokenizer: str) -> None:
        import sqlite3

        self._path = folder / f"{tokenizer.split(maxsplit=1)[0]}.db"
        self._path.unlink(missing_ok=True)
        self._database = sqlite3.connect(self._path)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            f"CREATE VIRTUAL TABLE chunk USING fts5"
            f"(text, content = '', tokenize = \"{tokenizer}\")"
        )
        self._shortest = 3 if tokenizer.startswith("trigram") else 1

    def index(self, texts: Sequence[str]) -> int:
        insert = "INSERT INTO chunk (rowid, text) VALUES (?, ?)"
        for at, text in enumerate(texts):
            self._database.execute(insert, (at, text))
            if at % 20 == 0:  # as many as a document has
                self._database.commit()
        self._database.commit()
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self._path.stat().st_size

    def search(self, query: str) -> list[int]:
        words = [word for word in WORD.findall(query) if len(word) >= self._shortest]
        if not words:
            return []
        found = self._database.execute(
            "SELECT rowid FROM chunk WHERE chunk MATCH ? ORDER BY rank LIMIT ?",
            (" OR ".join(f'"{word}"' for word in words), LIMIT),
        )
        return [row for (row,) in found]


class Postgres:
    """PostgreSQL: `tsvector`, or similarity of trigrams."""

    def __init__(self, url: str, *, trigrams: bool) -> None:
        import psycopg

        self._connection = psycopg.connect(url, autocommit=True)
        self._execute = self._connection.execute
        self._process = psutil.Process(self._connection.info.backend_pid)
        self._trigrams = trigrams
        self._execute("DROP TABLE IF EXISTS chunk")
        if trigrams:
            self._execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            self._execute("CREATE TABLE chunk (id INTEGER PRIMARY KEY, text TEXT)")
            self._execute("CREATE INDEX words ON chunk USING gin (text gin_trgm_ops)")
            self._query = (
                "SELECT id FROM chunk WHERE %s <% text"
                " ORDER BY word_similarity(%s, text) DESC, id LIMIT 10"
            ).replace("<%", "<%%")
        else:
            self._execute(
                "CREATE TABLE chunk (id INTEGER PRIMARY KEY, text TEXT, words tsvector"
                " GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED)"
            )
            self._execute("CREATE INDEX words ON chunk USING gin (words)")
            self._query = (
                "SELECT id FROM chunk WHERE words @@ to_tsquery('simple', %s)"
                " ORDER BY ts_rank_cd(words, to_tsquery('simple', %s), 1) DESC, id"
                " LIMIT 10"
            )

    def index(self, texts: Sequence[str]) -> int:
        with self._connection.cursor() as cursor:
            for start in range(0, len(texts), 20):
                rows = enumerate(texts[start : start + 20], start)
                cursor.executemany(
                    "INSERT INTO chunk (id, text) VALUES (%s, %s)", list(rows)
                )
        self._execute("VACUUM ANALYZE chunk")
        size = "SELECT pg_relation_size('words')"
        if not self._trigrams:
            size += " + (SELECT sum(pg_column_size(words)) FROM chunk)"
        [found] = self._execute(size).fetchone()
        return int(found)

    def search(self, query: str) -> list[int]:
        words = WORD.findall(query)
        asked = " ".join(words) if self._trigrams else " | ".join(words)
        if not words:
            return []
        return [row for (row,) in self._execute(self._query, (asked, asked))]

    def seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system


class Tantivy(Inside):
    """The library of Quickwit, in Rust."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        self._folder = folder / f"tantivy-{time.monotonic_ns()}"
        self._folder.mkdir()
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("id", stored=True, indexed=True)
        builder.add_text_field("text", stored=False)
        self._library = tantivy
        self._index = tantivy.Index(builder.build(), path=str(self._folder))

    def index(self, texts: Sequence[str]) -> int:
        writer = self._index.writer(num_threads=1)
        for at, text in enumerate(texts):
            writer.add_document(self._library.Document(id=at, text=text))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        files = self._folder.rglob("*")
        return sum(path.stat().st_size for path in files if path.is_file())

    def search(self, query: str) -> list[int]:
        words = " ".join(WORD.findall(query))
        if not words:
            return []
        parsed, _ = self._index.parse_query_lenient(words, ["text"])
        searcher = self._index.searcher()
        hits = searcher.search(parsed, LIMIT).hits
        return [searcher.doc(address)["id"][0] for _, address in hits]


class Bm25s(Inside):
    """A library in Python; it holds all texts' scores in memory."""

    def __init__(self) -> None:
        import bm25s

        self._library = bm25s
        self._index = bm25s.BM25()

    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        return self._library.tokenize(
            list(texts), stopwords=None, return_ids=False, show_progress=False
        )

    def index(self, texts: Sequence[str]) -> int:
        self._index.index(self._words(texts), show_progress=False)
        return sum(
            part.nbytes
            for part in self._index.scores.values()
            if hasattr(part, "nbytes")
        )

    def search(self, query: str) -> list[int]:
        [words] = self._words([query])
        known = [word for word in words if word in self._index.vocab_dict]
        if not known:
            return []
        scored = self._index.get_scores(known)
        few = np.argpartition(-scored, min(LIMIT, len(scored) - 1))[:LIMIT]
        return [int(at) for at in few[np.argsort(-scored[few])] if scored[at] > 0]


def engines(folder: Path, url: str | None) -> dict[str, Callable[[], Engine]]:
    """What makes each engine, by name."""
    made: dict[str, Callable[[], Engine]] = {
        "ours": lambda: Own(folder),
        "FTS5, words": lambda: Fts5(folder, "unicode61 remove_diacritics 2"),
        "FTS5, trigrams": lambda: Fts5(folder, "trigram"),
        "tantivy": lambda: Tantivy(folder),
        "bm25s": Bm25s,
    }
    if url:
        made["tsvector"] = lambda: Postgres(url, trigrams=False)
        made["pg_trgm"] = lambda: Postgres(url, trigrams=True)
    return made

"""The index of words finds what contains the words of a query, and nothing else."""

import random
import shutil
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from support.rows import add_documents, add_run

from docprogress.documents import Chunk
from docprogress.events import Status, now
from docprogress.store import (
    FinishedStep,
    RunRow,
    Store,
    word_merging,
    word_sources,
    words,
)
from docprogress.store.search_filter import SearchFilter
from docprogress.words import count_terms, hashed


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "docprogress.db"
    with Store(f"sqlite:///{path}"):
        pass
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path
) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(empty_database, tmp_path)}"
    else:
        url = request.getfixturevalue("postgres_url")
    with Store(url) as store:
        yield store


@pytest.fixture
def quick_store(tmp_path: Path, empty_database: Path) -> Iterator[Store]:
    """On SQLite alone: for what depends on texts, not on the database."""
    with Store(f"sqlite:///{shutil.copy(empty_database, tmp_path)}") as store:
        yield store


def chunk(
    number: int, text: str, kind: str | None = None, headings: Sequence[str] = ()
) -> Chunk:
    return Chunk(
        headings=tuple(headings),
        number=number,
        text=text,
        start=0,
        end=len(text),
        first_page=1,
        last_page=1,
        kind=kind,
    )


def completed(
    store: Store,
    *texts: str,
    run: RunRow | None = None,
    kinds: Sequence[str | None] = (),
    numbers: Sequence[int] = (),
    headings: Sequence[Sequence[str]] = (),
    **changes,
) -> str:
    """A completed document whose chunks are these texts; its id."""
    run = run or add_run(store)
    number = 1
    with store.database.reading() as connection:
        query = sa.text("SELECT coalesce(max(number), 0) + 1 FROM document")
        number = connection.execute(query).scalar_one()
    [document_id] = add_documents(store, run, 1, number=number, **changes)
    store.submissions.mark_ready([(document_id, 1, uuid.uuid4().hex)])
    finish(
        store, document_id, 1, *texts, kinds=kinds, numbers=numbers, headings=headings
    )
    return document_id


def finish(
    store: Store,
    document_id: str,
    attempt: int,
    *texts: str,
    kinds: Sequence[str | None] = (),
    numbers: Sequence[int] = (),
    headings: Sequence[Sequence[str]] = (),
) -> None:
    assert store.attempts.claim(document_id, attempt, worker="w") is not None
    numbers = numbers or range(1, len(texts) + 1)
    chunks = [
        chunk(
            number,
            text,
            kinds[at] if kinds else None,
            headings[at] if headings else (),
        )
        for at, (number, text) in enumerate(zip(numbers, texts, strict=True))
    ]
    finished = FinishedStep(
        position=0,
        step="embedding",
        next_step="embedding",
        started_at=now(),
        seconds=0.0,
        items=len(chunks),
        unit="chunk",
        progress=100.0,
        chunks=chunks,
    )
    store.attempts.finish_steps(document_id, attempt, [finished], completed="Done")


def found(store: Store, query: str, limit: int = 10, **scope) -> list[tuple[str, int]]:
    matches = store.words.search(query, SearchFilter(**scope), limit=limit)
    assert matches == sorted(matches, key=lambda match: -match.score)
    return [(match.document_id, match.number) for match in matches]


def forget(store: Store, document_id: str) -> None:
    """Have a document as an earlier version of this package completes it."""
    with store.database.writing() as connection:
        for statement in (
            "UPDATE document SET indexed_attempt = NULL WHERE id = :document",
            "DELETE FROM word_document WHERE document_id = :document",
        ):
            connection.execute(sa.text(statement), {"document": document_id})


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("The tenant pays the rent.", "rent"),
        ("The tenant paid all RENTS.", "rent"),
        ("The contract was terminated.", "terminate"),
        ("Terminating the contract", "terminated"),
        ("both parties agree", "party"),
        ("Die Kündigungsfrist beträgt drei Monate.", "Frist"),
        ("Die Kündigungsfrist beträgt drei Monate.", "Kündigung"),
        ("Die Kündigungsfrist beträgt drei Monate.", "kuendigungsfrist"),
        ("Der Mietvertrag endet.", "Vertrag"),
        ("Der Mietvertrag endet.", "Verträge"),
        ("Die Verträge enden.", "Vertrag"),
        ("alte Häuser", "Haus"),
        ("Haftpflichtversicherungen", "Versicherung"),
        ("im Café", "cafe"),
        ("im cafe", "Café"),
        ("im Cafe\u0301", "CAFÉ"),
        ("Part AX-400 fits.", "AX400"),
        ("Part AX400 fits.", "AX-400"),
        ("Part AX 400 fits.", "AX-400"),
        ("Part AX\u2011400 fits.", "ax-400"),
        ("Part AX-400 fits.", "400"),
        ("siehe § 12 Abs. 3 BGB", "§ 12"),
        ("siehe §12 BGB", "§ 12"),
        ("siehe §§ 11, 12 BGB", "§ 12"),
        ("2.1 Scope of work", "2.1"),
        ("Es sind 12.500,00 EUR fällig.", "12.500,00"),
        ("Es sind 12.500,00 EUR fällig.", "12500"),
        ("It is $12,500.00 in all.", "12.500,00"),
        ("am 31.12.2024", "31/12/2024"),
        ("written in C++ alone", "c++"),
        ("本合同由甲乙双方签订", "合同"),
        ("違約の場合は契約を解除する", "契約解除"),
        ("ｶﾞｲﾄﾞを読む", "ガイド"),
        ("계약은 즉시 해지된다", "계약"),
        ("สัญญาเช่ามีผลบังคับ", "สัญญา"),
        ("الْعَقْدُ مُلْزِمٌ", "العقد"),
        ("العقد ملزم", "عَقْد"),
        ("договора аренды", "договор"),
        ("a \ud800 lone surrogate", "surrogate"),
        ("nul\x00byte", "nul"),
    ],
)
def test_word_is_found_in_its_forms(quick_store, text, query):
    completed(quick_store, "something else entirely", text)

    assert [number for _, number in found(quick_store, query)] == [2]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("The tenant pays the rent.", "xyzzyq"),
        ("The tenant pays the rent.", "What is the xyzzyq of the?"),
        ("Das Wort zählt.", "Zauberwort"),
        ("400 Euro", "AX-400"),
        ("clause 21", "2.1"),
        ("clause 2.1", "21"),
        ("§ 13, 12 Euro", "§ 14"),
        ("Der Mietvertrag endet.", "Ertrag"),
        ("本合同由甲乙双方签订", "龘靐"),
        ("契約する", "解約する"),
        ("The tenant pays.", ""),
        ("The tenant pays.", " \x1f?!\x00"),
        ("The tenant pays.", "\ud800"),
    ],
)
def test_no_hit_rather_than_any_hit(quick_store, text, query):
    completed(quick_store, text)

    assert found(quick_store, query) == []


@pytest.mark.parametrize(
    "query",
    [
        *('tenant"', '"tenant', "tenant*", "tenant AND", "tenant) OR (1=1", "{tenant}"),
        *("text:tenant", "NEAR(tenant)", "-tenant", "tenant; DROP TABLE document", "%"),
        "tenant\x00",
        "tenant \udfff",
        "tenant " * 150_000,
        "tenant " + "x" * 1_000_000,
        "tenant " + "a-" * 500_000,
        "!" * 1_000_000,
        "\u0301" * 100_000,
    ],
    ids=lambda query: f"{query[:12]!r}…{len(query)}",
)
def test_hostile_query_is_only_words(quick_store, query):
    document_id = completed(quick_store, "The tenant pays.")

    assert found(quick_store, query) in ([(document_id, 1)], [])
    assert found(quick_store, "tenant") == [(document_id, 1)]


def test_hostile_texts_are_indexed(quick_store):
    texts = [
        "",
        "\x00\ud800",
        "a-" * 200_000,
        "x" * 300_000,
        "\u0301" * 100_000,
        "字" * 50_000,
        " ".join(f"w{n}" for n in range(50_000)),
        "needle",
    ]
    document_id = completed(quick_store, *texts)

    assert found(quick_store, "needle") == [(document_id, 8)]
    assert found(quick_store, "w49999") == [(document_id, 7)]


def test_rare_word_counts_more_than_a_frequent_one(store):
    common = [completed(store, "the contract of a buyer") for _ in range(5)]
    rare = completed(store, "the arbitration of a buyer")

    first, *others = found(store, "buyer arbitration")

    assert first == (rare, 1)
    assert {document_id for document_id, _ in others} == set(common)


def test_short_english_texts_have_no_parts_of_compounds():
    english = "The understanding of it has to be written down."
    german = "Die Mietvertragsunterlagen liegen bei."
    alone = "Understanding"

    def has(text: str, part: str) -> bool:
        return hashed(part) in count_terms([text]).terms

    assert not has(english, "standing")
    assert has(german, "mietvertrag")
    assert has(f"{german} {english}", "mietvertrag")
    assert has(alone, "standing")


def test_texts_have_the_same_terms_together_as_alone():
    texts = [
        "The AX-400 costs 12,500 crowns; see § 12 and c# in the prices of 2.10.",
        "Die Mietvertragsunterlagen “liegen” bei, und die Übersicht ist nicht dabei.",
        "契約は更新されます。 Договоры продлены. ไม่มี العقود",
        "x" * 200,
        "",
    ]
    marked = [("prices", "above"), (), ("\0kind:",), (), ("alone",)]

    def by_text(counts, number: int) -> dict[int, int]:
        terms = np.repeat(counts.terms, counts.texts)
        own = counts.numbers == number
        return dict(zip(terms[own].tolist(), counts.frequencies[own], strict=True))

    together = count_terms(texts, marked)

    for number, (text, besides) in enumerate(zip(texts, marked, strict=True)):
        alone = count_terms([text], [besides])
        assert by_text(alone, 0).items() >= by_text(together, number).items()
        assert alone.lengths[0] == together.lengths[number]
        assert len(alone.terms)
    repeated = count_terms(texts * 2, marked * 2)
    assert by_text(repeated, 5) == by_text(together, 0)


def test_words_of_the_headings_above_a_chunk_find_it(store):
    document_id = completed(
        store,
        "It ends after a year.",
        "It ends after a term of a year, as the Termination of it shows.",
        "The rent is due in May.",
        kinds=[None, None, "table"],
        headings=[
            ["Lease of Kündigungsfristen", "§ 12 Termination"],
            ["Lease of Kündigungsfristen", "§ 12 Termination"],
            ["Rent"],
        ],
    )

    first, second, third = ((document_id, number) for number in (1, 2, 3))
    assert found(store, "termination") == [first, second]
    assert set(found(store, "Kündigungsfrist")) == {first, second}
    assert found(store, "§ 12 year")[0] == first
    assert found(store, "rent") == [third]
    assert found(store, "rent", kind="table") == [third]
    forget(store, document_id)
    assert set(found(store, "kündigungsfristen")) == {first, second}


def test_document_is_found_once_completed_and_not_when_it_starts_over(store):
    run = add_run(store)
    document_id = completed(store, "first version", run=run)
    assert found(store, "first") == [(document_id, 1)]

    store.documents.retry(document_ids=[document_id], failed_only=False)
    assert found(store, "first") == []

    finish(store, document_id, 2, "second version")
    assert found(store, "first") == []
    assert found(store, "second") == [(document_id, 1)]


def test_deleted_or_retired_document_is_not_found(store):
    kept, retired, deleted = (completed(store, "the lease") for _ in range(3))
    with store.database.writing() as connection:
        connection.execute(
            sa.text("UPDATE document SET retired_at = :moment WHERE id = :document"),
            {"moment": now().isoformat(), "document": retired},
        )
    store.documents.delete([deleted])

    assert found(store, "lease") == [(kept, 1)]


def test_document_completed_in_a_transaction_of_its_own_is_found(store):
    [document_id] = add_documents(store, add_run(store), 1)
    store.submissions.mark_ready([(document_id, 1, "5ha")])
    store.attempts.claim(document_id, 1, worker="w")
    finished = FinishedStep(
        position=0,
        step="embedding",
        next_step="embedding",
        started_at=now(),
        seconds=0.0,
        items=1,
        unit="chunk",
        progress=99.0,
        chunks=[chunk(1, "the lease")],
    )
    store.attempts.finish_steps(document_id, 1, [finished])
    assert found(store, "lease") == []

    store.attempts.finish(document_id, 1, Status.COMPLETED, message="Done")

    assert found(store, "lease") == [(document_id, 1)]


def test_copy_of_a_completed_document_is_found(store):
    source = completed(store, "the lease")
    [copy] = add_documents(store, add_run(store), 1)
    store.submissions.mark_ready([(copy, 1, "5ha")])
    store.attempts.claim(copy, 1, worker="w")

    store.reuse.copy(source, copy, 1)

    assert {document for document, _ in found(store, "lease")} == {source, copy}


def test_documents_of_earlier_versions_are_indexed_later(store):
    old = [completed(store, "the lease") for _ in range(3)]
    for document_id in old:
        forget(store, document_id)
    new = completed(store, "the lease")
    assert store.words.not_indexed() == 3

    assert {document for document, _ in found(store, "lease")} == {*old, new}

    assert store.words.not_indexed() == 0


def test_many_documents_of_earlier_versions_are_indexed_some_at_a_time(
    store, monkeypatch
):
    monkeypatch.setattr(words, "_SEARCH_SECONDS", 0.0)
    old = [completed(store, "the lease") for _ in range(3)]
    for document_id in old:
        forget(store, document_id)

    assert len(found(store, "lease")) == 1
    assert store.words.not_indexed() == 2
    assert not store.words.catch_up(seconds=0)
    store.words.maintain(seconds=60)

    assert store.words.not_indexed() == 0
    assert {document for document, _ in found(store, "lease")} == set(old)


def test_segments_of_deleted_documents_are_removed(store, monkeypatch):
    monkeypatch.setattr(word_sources, "MOST_ENTRIES", 2)
    ids = [completed(store, "the lease") for _ in range(2)]
    merged(store)

    store.documents.delete(ids)
    store.words.maintain(seconds=60)

    with store.database.reading() as connection:
        for table in ("word_segment", "word_block", "word_document"):
            query = sa.text(f"SELECT count(*) FROM {table}")
            assert connection.execute(query).scalar_one() == 0


def test_merge_of_a_dead_process_is_taken_over(store, monkeypatch):
    monkeypatch.setattr(word_sources, "MOST_ENTRIES", 2)
    ids = [completed(store, "the lease") for _ in range(2)]
    abandoned = word_merging.merge(store.database)
    next(abandoned)

    assert not store.words.merge()
    assert {document for document, _ in found(store, "lease")} == set(ids)

    monkeypatch.setattr(word_merging, "_STALE", -1)
    assert store.words.merge()
    # Should it be alive after all, it changes nothing.
    assert list(abandoned) == []
    assert {document for document, _ in found(store, "lease")} == set(ids)


def test_filter_is_applied_exactly(store):
    first, second = add_run(store, case_id="a"), add_run(store, case_id="b")
    one = completed(store, "the lease", run=first, name="one.pdf")
    two = completed(
        store,
        "the lease",
        "lease | rent",
        run=second,
        name="two.pdf",
        kinds=["text", "table"],
    )
    both = {(one, 1), (two, 1), (two, 2)}

    assert {*found(store, "lease")} == both
    assert {*found(store, "lease", run_ids=(first.id, second.id))} == both
    assert found(store, "lease", run_ids=(first.id,)) == [(one, 1)]
    assert found(store, "lease", run_ids=()) == []
    assert found(store, "lease", case_id="a") == [(one, 1)]
    assert found(store, "lease", document_ids=(one,)) == [(one, 1)]
    assert found(store, "lease", names=("one.pdf",)) == [(one, 1)]
    assert found(store, "lease", kind="table") == [(two, 2)]
    assert {*found(store, "lease", kind="text")} == {(one, 1), (two, 1)}
    assert found(store, "lease", kind="code") == []
    assert found(store, "rent", kind="text") == []


def test_chunks_keep_their_numbers(store):
    document_id = completed(store, "lease", "other", "lease", numbers=[3, 10, 11])

    assert {*found(store, "lease")} == {(document_id, 3), (document_id, 11)}


def test_limit_is_filled_though_the_best_chunks_are_not_admitted(store):
    run, other = add_run(store), add_run(store)
    completed(store, *["lease"] * 300, run=other)
    document_id = completed(store, "a lease among many other words", run=run)

    assert found(store, "lease", run_ids=(run.id,), limit=1) == [(document_id, 1)]
    assert len(found(store, "lease", limit=400)) == 301


def test_the_share_of_the_query_in_a_chunk_is_known(quick_store):
    completed(
        quick_store,
        "The deposit is due when the tenant signs.",
        "The landlord repairs the roof and the windows.",
        "Device AX-400 weighs two kilograms, and no more.",
        "签约时缴纳押金。",
        *(f"Something else about matter number {n} of all." for n in range(30)),
    )

    def share(query: str) -> float:
        ranked = quick_store.words.rank(query)
        return ranked.matches[0].score / ranked.complete

    complete = [share(query) for query in ("deposit tenant", "AX-400", "缴纳押金")]
    half = share("deposit for the zoo")
    little = share("deposit of giraffes, zebras, monkeys")
    assert min(complete) > 0.8
    assert 0.35 < half < 0.65
    assert little < 0.3
    assert quick_store.words.rank("zebra").matches == []
    assert quick_store.words.rank("").complete == 0


def merged(store: Store) -> None:
    while store.words.merge():
        pass
    with store.database.reading() as connection:
        query = "SELECT count(*) FROM word_document WHERE segment IS NOT NULL"
        assert connection.execute(sa.text(query)).scalar_one()


def test_merging_changes_no_result(store, monkeypatch):
    monkeypatch.setattr(word_sources, "MOST_ENTRIES", 4)
    monkeypatch.setattr(word_sources, "FAN_OUT", 3)
    monkeypatch.setattr(word_merging, "FREQUENT", 6)
    monkeypatch.setattr(word_merging, "_POSTINGS_PER_BUCKET", 16)
    monkeypatch.setattr(word_merging, "_POSTINGS_AT_ONCE", 64)
    monkeypatch.setattr(word_merging, "_BYTES_PER_TRANSACTION", 256)
    draw = random.Random(7)
    vocabulary = [f"word{n}" for n in range(60)]
    weights = [1 / (1 + n) for n in range(60)]
    ids = []
    for _ in range(41):
        texts = [
            " ".join(draw.choices(vocabulary, weights, k=draw.randint(1, 30)))
            for _ in range(draw.randint(1, 4))
        ]
        kinds = draw.choices(["text", "table", None], k=len(texts))
        ids.append(completed(store, *texts, kinds=kinds))
        if len(ids) % 9 == 0:
            store.words.merge()
    queries = [
        *vocabulary[::12],
        "word0 word1 word30",
        "nothing",
        "word5 nothing word59",
    ]
    scopes = [
        SearchFilter(),
        SearchFilter(kind="table"),
        SearchFilter(kind="text"),
        SearchFilter(document_ids=tuple(ids[::5])),
    ]

    def results() -> list[list[tuple[str, int, float]]]:
        return [
            sorted(
                (match.document_id, match.number, round(match.score, 4))
                for match in store.words.search(query, scope, limit=1000)
            )
            for query in queries
            for scope in scopes
        ]

    with store.database.reading() as connection:
        unmerged = connection.execute(
            sa.text("SELECT count(*) FROM word_document WHERE segment IS NULL")
        ).scalar_one()
    before = results()
    merged(store)
    after = results()

    assert unmerged > 4
    assert after == before
    assert any(before)


def test_merging_drops_deleted_documents(store, monkeypatch):
    monkeypatch.setattr(word_sources, "MOST_ENTRIES", 2)
    monkeypatch.setattr(word_sources, "FAN_OUT", 2)
    ids = [completed(store, "the lease") for _ in range(2)]
    merged(store)
    store.documents.delete([ids[0]])
    store.documents.retry(document_ids=[ids[1]], failed_only=False)
    assert found(store, "lease") == []
    finish(store, ids[1], 2, "another lease")
    assert found(store, "lease") == [(ids[1], 1)]
    more = [completed(store, "the rent")]

    merged(store)

    assert found(store, "lease") == [(ids[1], 1)]
    assert {document for document, _ in found(store, "rent")} == set(more)
    with store.database.reading() as connection:
        count = connection.execute(
            sa.text("SELECT sum(count) FROM word_segment WHERE complete = 1")
        ).scalar_one()
        segments = connection.execute(
            sa.text(
                "SELECT count(*) FROM word_block WHERE segment NOT IN"
                " (SELECT id FROM word_segment)"
            )
        ).scalar_one()
    assert (count, segments) == (2, 0)


def test_completing_merging_and_searching_at_once_loses_nothing(store, monkeypatch):
    monkeypatch.setattr(word_sources, "MOST_ENTRIES", 3)
    monkeypatch.setattr(word_sources, "FAN_OUT", 2)
    run = add_run(store)
    ids = add_documents(store, run, 24)
    store.submissions.mark_ready([(document_id, 1, "5ha") for document_id in ids])
    done = threading.Event()

    def complete(some: list[str]) -> None:
        for document_id in some:
            finish(store, document_id, 1, f"lease w{document_id}", "lease")
            assert found(store, f"w{document_id}") == [(document_id, 1)]

    def merge() -> None:
        while not done.is_set():
            store.words.merge()

    with ThreadPoolExecutor() as executor:
        merging = [executor.submit(merge) for _ in range(2)]
        try:
            for work in [executor.submit(complete, ids[n::3]) for n in range(3)]:
                work.result()
        finally:
            done.set()
        for work in merging:
            work.result()

    merged(store)
    assert len(found(store, "lease", limit=100)) == 2 * len(ids)
    assert {document for document, _ in found(store, "lease", limit=100)} == set(ids)

"""Specific to PostgreSQL: locks, connections, restarts of the server, pgvector."""

import json
import os
import re
import signal
import threading
import time
import traceback
import uuid
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from support.forked import Child
from support.patience import patient
from support.postgres import PASSWORD, vector_postgres
from support.rows import (
    CHUNKS,
    add_document,
    add_documents,
    add_run,
    claimed,
    complete,
    delete_run,
    document,
    finish_step,
    run,
)
from support.runs import (
    documents,
    ended_right,
    in_the_middle,
    nothing_is_left,
    worker_of,
)
from support.searched import searched, texts
from support.services import eventually

from docprogress import Pipeline, Status, local
from docprogress.cli.diagnosis import State, check_database
from docprogress.errors import StoreError, StoreUnavailable
from docprogress.settings import load
from docprogress.steps import plan
from docprogress.storage import Files, Source
from docprogress.store import NewDocument, SearchFilter, Store
from docprogress.store.vector_index import exact, hnsw, in_postgresql
from docprogress.store.vector_index.selection import VectorQuery
from docprogress.worker import processing

__all__ = ["claimed", "document", "run"]

STEPS = """
import threading, time
from pathlib import Path

begun, leave = threading.Event(), threading.Event()

def held(pages):
    for page in pages:
        begun.set()
        assert leave.wait(600)
        yield page

def slow(pages):
    for page in pages:
        time.sleep(0.2)
        yield page

def gated(pages):
    for page in pages:
        while not Path({gate!r}).exists():
            time.sleep(0.02)
        yield page
"""


@pytest.fixture
def steps(tmp_path, gate, monkeypatch):
    # What was loaded of a step is remembered: each has a module of its own.
    code = STEPS.format(gate=str(gate))
    (tmp_path / "postgres_steps.py").write_text(code)
    (tmp_path / "held_steps.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def store(postgres_url):
    with Store(postgres_url) as store:
        yield store


def test_a_connection_that_was_cut_is_made_again(store, run, postgres, postgres_url):
    ours = (
        "FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'docprogress'"
    )
    postgres.execute(f"SELECT pg_terminate_backend(pid) {ours}", url=postgres_url)
    eventually(lambda: not postgres.execute(f"SELECT pid {ours}", url=postgres_url))

    assert store.runs.get(run.id) == run
    with pytest.raises(StoreUnavailable), store.database.writing() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    add_run(store)


def test_nothing_is_held_while_a_step_runs(store, steps, tmp_path, postgres_url):
    """No connection waits in a transaction, and no other document for this one."""
    import held_steps

    settings = load(database_url=postgres_url)
    files = Files(str(tmp_path / "files"))
    own = [step.to_dict() for step in plan(["held_steps:held"])]
    run = add_run(store, steps=own)
    ids = add_documents(store, run, 4, name="a.txt")
    for document_id in ids:
        files.add(document_id, Source(name="a.txt", data=b"text"), max_bytes=99)
    store.submissions.mark_ready([(i, 4, "x") for i in ids])
    with Store(postgres_url) as theirs, Store(postgres_url, busy_seconds=5) as ours:
        worker = processing.DocumentProcessor(
            store=theirs, files=files, settings=settings, publish=lambda event: False
        )
        claim = theirs.attempts.claim(ids[0], 1, worker="w")
        outcomes = []
        thread = threading.Thread(target=lambda: outcomes.append(worker.process(claim)))
        thread.start()
        try:
            assert held_steps.begun.wait(patient(60))

            with ours.database.reading() as connection:
                states = connection.exec_driver_sql(
                    "SELECT state FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    " AND datname = current_database() AND application_name = 'docprogress'"
                ).scalars()
                assert set(states) == {"idle"}
            assert ours.attempts.claim(ids[1], 1, worker="x") is not None
            finish_step(ours, ours.documents.get(ids[1]), chunks=CHUNKS)
            ours.attempts.finish(ids[1], 1, Status.COMPLETED, message="x")
            ours.documents.cancel(document_ids=ids[2:])
            assert ours.documents.counts(run.id)[Status.CANCELLED] == 2
            # Its own document too: somebody else may ask for it to be cancelled.
            cancelled, requested = ours.documents.cancel(run_id=run.id)
            assert (
                [row.id for row in cancelled],
                [row.id for row in requested],
            ) == (
                [],
                ids[:1],
            )
        finally:
            held_steps.leave.set()
            thread.join()

    assert outcomes[0].document.id == ids[0]


def test_an_open_transaction_on_one_document_leaves_the_others_alone(
    store, run, postgres_url
):
    ids = add_documents(store, run, 3)
    store.submissions.mark_ready([(i, 1, "x") for i in ids])
    with Store(postgres_url, busy_seconds=0.5) as other:
        with store.database.writing() as connection:
            connection.exec_driver_sql(
                "UPDATE document SET message = 'held' WHERE id = %s", (ids[0],)
            )

            assert other.attempts.claim(ids[1], 1, worker="w") is not None
            finish_step(other, other.documents.get(ids[1]), chunks=CHUNKS)
            other.documents.cancel(document_ids=ids[2:])
            assert len(other.documents.find(run.id)) == 3
            with pytest.raises(StoreUnavailable, match="lock"):
                other.attempts.claim(ids[0], 1, worker="w")


def test_many_documents_are_always_locked_in_one_order(store, run, postgres_url):
    """Two that took them in orders of their own would wait for each other."""
    ids = add_documents(store, run, 60)
    over = time.monotonic() + 3
    errors = []

    def repeat(work):
        with Store(postgres_url) as own:
            try:
                while time.monotonic() < over and not errors:
                    work(own)
            except StoreError as error:
                errors.append(error)

    threads = [
        threading.Thread(target=repeat, args=(work,))
        for work in (
            lambda own: own.submissions.mark_ready([(i, 1, "x") for i in ids]),
            lambda own: own.submissions.mark_ready(
                [(i, 1, "x") for i in reversed(ids)]
            ),
            lambda own: own.documents.cancel(document_ids=ids[::-1]),
            lambda own: own.documents.cancel(run_id=run.id),
            lambda own: own.documents.retry(run_id=run.id),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []


@pytest.mark.parametrize("first", ["abandoned", "waiting"])
def test_cancelling_a_run_whose_submitter_resumes_does_not_deadlock(
    store, run, postgres_url, first
):
    """Each transaction stops after its first change, until the other has made one."""
    ids = sorted(uuid.uuid4().hex for _ in range(2))
    abandoned, waiting = ids if first == "abandoned" else reversed(ids)
    store.submissions.add([new_document(run, abandoned, 1)])
    store.submissions.abandon(run.id, "it is gone")
    store.submissions.add([new_document(run, waiting, 2)])
    both = threading.Barrier(2)
    errors = []

    def run_stepwise(work):
        def stop(connection, cursor, statement, *_):
            if statement.startswith("UPDATE document"):
                # If the other one waits for a lock, it does not come.
                with suppress(threading.BrokenBarrierError):
                    both.wait(timeout=1)

        with Store(postgres_url) as own:
            sa.event.listen(own.database.engine, "after_cursor_execute", stop)
            try:
                work(own)
            except StoreError as error:
                errors.append(error)

    threads = [
        threading.Thread(target=run_stepwise, args=(work,))
        for work in (
            lambda own: own.submissions.mark_ready([(i, 1, "x") for i in ids]),
            lambda own: own.documents.cancel(run_id=run.id),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert {row.status for row in store.documents.find(run.id)} == {Status.CANCELLED}


def new_document(run, document_id, number):
    return NewDocument(
        id=document_id, run_id=run.id, number=number, name="a.pdf", step="extraction"
    )


def test_a_worker_needs_few_connections(store, run, postgres, postgres_url):
    """One for each thread that is at it at the same time, and they are given back."""
    for _ in range(3):
        complete(store, add_document(store, add_run(store)))

    [(connections,)] = postgres.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'docprogress'",
        url=postgres_url,
    )
    assert connections == 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_shares_no_connection(store, run, document):
    child = Child(lambda: complete(store, document))
    child.wait()

    assert store.documents.get(document.id).status is Status.COMPLETED
    assert store.runs.get(run.id) == run


def test_a_server_that_refuses_or_is_unavailable_reveals_nothing(postgres):
    away = "postgresql+psycopg://guarded:{}@/docs?host=/nowhere"
    for url, reason in (
        (away.format(PASSWORD), "not available"),
        (postgres.url(user="guarded"), 'authentication failed for user "guarded"'),
        (postgres.url("nowhere"), "does not exist"),
    ):
        store = Store(url, busy_seconds=1)

        started = time.monotonic()
        with pytest.raises(StoreError, match=reason) as caught:
            store.open()

        assert time.monotonic() - started < patient(10)
        trace = "".join(traceback.format_exception(caught.value))
        message = check_database(load(database_url=url)).message
        for shown in (
            trace,
            message,
            repr(store),
            store.url,
            repr(store.database.engine),
        ):
            assert PASSWORD not in shown


def test_postgresql_that_restarts_in_the_middle_is_waited_for(
    home, steps, gate, postgres, postgres_url
):
    with Pipeline(
        home=home, workers=2, steps=["postgres_steps:gated"], database_url=postgres_url
    ) as own:
        run = own.submit(documents(6))
        held = eventually(lambda: run.documents(status=Status.PROCESSING))
        with postgres.away():
            # Whoever holds a document now has its result and nowhere to keep it.
            gate.touch()
            eventually(
                lambda: any(
                    event.message == "Waiting for the database"
                    for row in held
                    for event in own.bus.history(row.id)
                )
            )

        rows = ended_right(run)

        assert all(row.attempt == 1 for row in rows)
    nothing_is_left(home)


@pytest.fixture
def under_way(home, steps, postgres_url):
    """A run in its middle, on a database of which it is not known whether it stays."""
    with Pipeline(
        home=home,
        workers=2,
        lease_seconds=6,
        steps=["postgres_steps:slow"],
        database_url=postgres_url,
    ) as own:
        run = own.submit(documents(12))
        in_the_middle(run)
        yield run


def test_a_process_that_begins_while_the_database_is_unavailable_works_once_it_is_there(
    under_way, home, postgres
):
    worker = worker_of(home)
    with postgres.away():
        killed = worker.children()
        for process in killed:
            process.kill()

        def begun():
            new = set(worker.children()) - set(killed)
            # It watches its parent, from a thread, once it is ready.
            return len(new) == len(killed) and all(p.num_threads() > 1 for p in new)

        eventually(begun)

    rows = ended_right(under_way)

    assert all(row.attempt <= 2 for row in rows)
    nothing_is_left(home)


def test_a_supervisor_that_is_killed_while_the_database_is_unavailable_is_replaced(
    under_way, home, postgres
):
    with postgres.away():
        killed = local.status(home).pid
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: (found := local.status(home)) and found.pid != killed)
        # Its worker has found nothing to work with.
        log = home / "logs" / "supervisor.log"
        eventually(lambda: "restarting it" in log.read_text())

    ended_right(under_way)
    nothing_is_left(home)


def test_the_doctor_says_what_the_database_is(postgres_url, vector_url, tmp_path):
    for url, pattern in (
        (f"sqlite:///{tmp_path / 'docs.db'}", r"SQLite 3\S+ at sqlite:///"),
        (postgres_url, r"PostgreSQL \d\S+ without pgvector at postgresql"),
        (vector_url, r"PostgreSQL \d\S+ with pgvector at postgresql"),
    ):
        finding = check_database(load(database_url=url))

        assert finding.state is State.OK
        assert re.match(pattern, finding.message)


# What pgvector does


@pytest.fixture(scope="module")
def vector_server():
    with vector_postgres() as server:
        yield server


@pytest.fixture
def vector_url(vector_server):
    with vector_server.database() as url:
        vector_server.execute("CREATE EXTENSION vector", url=url)
        yield url


@contextmanager
def embedding(vectors):
    """An OpenAI-compatible endpoint that knows these texts' vectors."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            data = [
                {"index": number, "embedding": vectors[text]}
                for number, text in enumerate(asked["input"])
            ]
            body = json.dumps({"data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def filled(store, arrays, **changes):
    """A run with a document for each array; its chunks have the rows as vectors."""
    run = add_run(store, settings={"embedder": "openai:made-up"}, **changes)
    ids = [f"{run.id}-{number}" for number in range(1, len(arrays) + 1)]
    for number, (document_id, array) in enumerate(zip(ids, arrays, strict=True), 1):
        add_document_named(store, run, document_id, number)
        store.attempts.claim(document_id, 1, worker="w")
        chunks = [
            replace(CHUNKS[0], number=at, text=f"{number}-{at}", vector=vector)
            for at, vector in enumerate(array, 1)
        ]
        row = store.documents.get(document_id)
        finish_step(store, row, 2, chunks=chunks, facts={"embedder": "openai:made-up"})
        store.attempts.finish(document_id, 1, Status.COMPLETED, message="Done")
    return run


def nearest_in(store, run, query, *, limit=100):
    return store.vectors.nearest(
        query,
        embedder="openai:made-up",
        filter=SearchFilter(run_ids=(run.id,)),
        limit=limit,
    )


def add_document_named(store, run, document_id, number):
    new = NewDocument(
        id=document_id, run_id=run.id, number=number, name=f"{number}.pdf"
    )
    store.submissions.add([new])
    store.submissions.mark_ready([(document_id, 1, "x")])


def arrays(seed=7, dimensions=24):
    random = np.random.default_rng(seed)
    return [
        random.standard_normal((count, dimensions)).astype("f4") for count in (3, 40, 1)
    ]


def test_search_in_the_database_finds_what_numpy_finds(
    vector_url, tmp_path, monkeypatch
):
    given = arrays()
    query = given[1][17] + 0.1
    with (
        embedding({"question": query.tolist()}) as endpoint,
        Store(vector_url) as compares,
        Store(f"sqlite:///{tmp_path / 'docs.db'}") as reads,
    ):
        settings = load(embedding_url=endpoint, embedding_api_key="key")
        filled(reads, given, run_id="run")
        filled(compares, given, run_id="run")
        found = [
            searched(store, "question", mode="vectors", settings=settings, limit=5)
            for store in (reads, compares)
        ]
        # The database alone: no vector is read.
        monkeypatch.setattr(exact, "unpack", lambda *_: pytest.fail("read"))
        again = searched(
            compares, "question", mode="vectors", settings=settings, limit=5
        )

    assert texts(found[0]) == texts(found[1]) == texts(again)
    assert found[0][0].text == "2-18"
    assert found[0][0].score == pytest.approx(again[0].score)


def test_what_the_extension_cannot_compare_is_compared_by_numpy(vector_url):
    usual = arrays()
    strange = np.array([[np.nan, *[1.0] * 23]], "f4")
    words = np.zeros((2, 24), "f4")
    words[:, 3] = 1
    query = np.abs(usual[0][0])
    with Store(vector_url) as store:
        for more, found_there in (
            ([], 0),
            ([strange], 0),
            ([words], 2),
            ([np.ones((2, 7), "f4")], 0),  # of another embedder's version
            ([np.zeros((1, 24), "f4")], 0),
        ):
            run = filled(store, [*usual, *more])

            found = nearest_in(store, run, query)

            assert all(0 < near.score <= 1.000001 for near in found)
            assert [near.document_id for near in found].count(
                f"{run.id}-4"
            ) == found_there
            assert [near[1:] for near in found if near.document_id[-1] != "4"] == [
                (f"{run.id}-{place + 1}", number + 1)
                for place, number in nearest_of(usual, query)
            ]


def nearest_of(given, query):
    """The places of the vectors with a positive similarity, nearest first."""
    scores = {
        (place, number): vector @ query / np.linalg.norm(vector)
        for place, array in enumerate(given)
        for number, vector in enumerate(array)
    }
    return sorted((key for key in scores if scores[key] > 0), key=lambda k: -scores[k])


def test_vectors_go_where_their_document_goes(vector_url, vector_server):
    def kept():
        return vector_server.execute("SELECT count(*) FROM embedding", url=vector_url)

    with Store(vector_url) as store:
        run = filled(store, arrays())
        assert kept() == [(44,)]
        first = store.documents.find(run.id)[0]
        other = add_run(store)
        copy = add_document(store, other)
        store.attempts.claim(copy.id, 1, worker="w")
        store.reuse.copy(first.id, copy.id, 1)
        assert kept() == [(47,)]
        assert len(nearest_in(store, other, arrays()[0][0])) > 0

        delete_run(store, run.id)
        assert kept() == [(3,)]
        delete_run(store, other.id)
        assert kept() == [(0,)]


def test_an_extension_that_comes_later_is_used_from_then_on(vector_server, monkeypatch):
    query = arrays()[0][0]
    with vector_server.database() as url:
        with Store(url) as store:
            before = filled(store, arrays())
            expected = nearest_in(store, before, query)
        vector_server.execute("CREATE EXTENSION vector", url=url)
        with Store(url) as store:
            after = filled(store, arrays(), run_id=uuid.uuid4().hex)

            assert [near[2] for near in nearest_in(store, before, query)] == [
                near[2] for near in expected
            ]
            monkeypatch.setattr(exact, "unpack", lambda *_: pytest.fail("read"))
            assert [near[2] for near in nearest_in(store, after, query)] == [
                near[2] for near in expected
            ]


def test_many_vectors_get_an_index_that_is_used(vector_url, vector_server, monkeypatch):
    monkeypatch.setattr(hnsw, "MIN_VECTORS", 100)
    random = np.random.default_rng(5)
    given = [random.standard_normal((200, 24)).astype("f4") for _ in range(10)]
    query = given[3][7] + 0.3
    made = (
        "SELECT indisvalid FROM pg_index"
        " WHERE indexrelid = to_regclass('embedding_hnsw_24')"
    )
    with Store(vector_url) as store:
        run = filled(store, given)
        true = nearest_of(given, query)[:10]

        def found():
            everything = store.vectors.nearest(
                query, embedder="openai:made-up", filter=SearchFilter(), limit=10
            )
            return [
                (int(near.document_id.removeprefix(f"{run.id}-")) - 1, near.number - 1)
                for near in everything
            ]

        assert found() == true
        eventually(lambda: vector_server.execute(made, url=vector_url) == [(True,)])
        monkeypatch.setattr(in_postgresql, "_exactly", lambda *_: pytest.fail("exact"))
        assert len(set(found()) & set(true)) >= 9
        with store.database.snapshot() as connection:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            near = VectorQuery(
                vector=query, embedder=None, filter=SearchFilter(), limit=10
            )
            statement = in_postgresql._near(near, 60)
            plan = connection.execute(sa.text("EXPLAIN " + literal(statement)))
            assert "embedding_hnsw_24" in str(plan.all())


def test_documents_of_near_vectors_are_looked_up_by_their_ids(vector_url, monkeypatch):
    random = np.random.default_rng(5)
    given = [random.standard_normal((20, 24)).astype("f4") for _ in range(30)]
    with Store(vector_url) as store:
        filled(store, given)
        store.vectors.make_index(24)
        monkeypatch.setattr(in_postgresql, "_exactly", lambda *_: pytest.fail("exact"))
        monkeypatch.setattr(hnsw.HnswIndexes, "ready", lambda *_: True)
        plans = []

        @sa.event.listens_for(store.database.engine, "after_cursor_execute")
        def explain(connection, cursor, statement, parameters, *_):
            if statement.startswith("WITH given"):
                cursor.connection.execute("SET LOCAL enable_seqscan = off")
                rows = cursor.connection.execute(
                    "EXPLAIN (ANALYZE, TIMING OFF) " + statement, parameters
                )
                plans.append("\n".join(line for (line,) in rows))

        for scope in (SearchFilter(), SearchFilter(kind="text")):
            store.vectors.nearest(
                given[3][7], embedder="openai:made-up", filter=scope, limit=10
            )

    assert len(plans) >= 2
    for shown in plans:
        assert "embedding_hnsw_24" in shown
        assert "document_pkey" in shown
        # Nothing is compared with each document, though there are no statistics.
        assert "Nested Loop" not in shown
        assert "Join" not in shown


def test_vectors_of_other_documents_are_not_looked_at(vector_url):
    random = np.random.default_rng(6)
    given = [random.standard_normal((20, 24)).astype("f4") for _ in range(60)]
    with Store(vector_url) as store:
        filled(store, given)
        plans = []

        @sa.event.listens_for(store.database.engine, "after_cursor_execute")
        def explain(connection, cursor, statement, parameters, *_):
            if statement.startswith("WITH given"):
                rows = cursor.connection.execute(
                    "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement,
                    parameters,
                )
                plans.append(rows.fetchone()[0][0]["Plan"])

        found = store.vectors.nearest(
            given[3][7],
            embedder="openai:made-up",
            filter=SearchFilter(names=("4.pdf", "9.pdf")),
            limit=5,
        )

    assert (found[0].document_id[-2:], found[0].number) == ("-4", 8)
    [plan] = plans
    # There are no statistics, so that the planner takes all conditions for rare.
    assert rows_of("embedding", plan) == 2 * 20


def rows_of(table, plan):
    """How many rows of a table a plan has looked at."""
    own = 0
    if plan.get("Relation Name") == table:
        seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        own = seen * plan["Actual Loops"]
    return own + sum(rows_of(table, each) for each in plan.get("Plans", ()))


def literal(statement):
    """A statement with its values written out."""
    return str(
        statement.compile(
            dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
        )
    )


def test_an_index_that_was_left_unfinished_is_made_again(vector_url, vector_server):
    with Store(vector_url) as store:
        filled(store, arrays())
        store.vectors.make_index(24)
        vector_server.execute(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = to_regclass('embedding_hnsw_24')",
            url=vector_url,
        )
        store.vectors.make_index(24)

    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{}')"
    assert vector_server.execute(valid.format("embedding_hnsw_24"), url=vector_url) == [
        (True,)
    ]


def test_vectors_that_are_not_marked_are_found_once(vector_url, vector_server):
    """Earlier versions store vectors for comparison without a mark."""
    query = arrays()[0][0]
    with Store(vector_url) as store:
        run = filled(store, arrays())
        expected = nearest_in(store, run, query)
        vector_server.execute("UPDATE vectors SET compared = NULL", url=vector_url)

        assert [near[1:] for near in nearest_in(store, run, query)] == [
            near[1:] for near in expected
        ]

        vector_server.execute("DROP INDEX vectors_not_compared", url=vector_url)
    with Store(vector_url):
        marks = "SELECT DISTINCT compared FROM vectors"
        assert vector_server.execute(marks, url=vector_url) == [(True,)]

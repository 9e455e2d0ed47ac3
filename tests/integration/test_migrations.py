"""How tables are created, and what happens with databases of other versions."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from support.patience import patient

from docprogress.errors import StoreError
from docprogress.store import Store, migrations
from docprogress.store.migrations import additions
from docprogress.store.schema import ADDITIONS_TABLE, metadata
from docprogress.store.table_version import HEAD, VERSION_TABLE


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables; on SQLite, not even that."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'docprogress.db'}"
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """The database as another program sees it."""
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir()
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(migrations.__file__).parent))


def set_version(engine: sa.Engine, version: str) -> None:
    with engine.begin() as connection:
        statement = sa.text(f"UPDATE {VERSION_TABLE} SET version_num = :version")
        connection.execute(statement, {"version": version})


def definition(engine: sa.Engine) -> dict[str, object]:
    """Tables, columns and indexes as they are, and the version that they say."""
    found = sa.MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        version = connection.execute(sa.select(found.tables[VERSION_TABLE])).all()
    tables = {name: repr(table) for name, table in found.tables.items()}
    return tables | {"version": version}


def test_migrations_make_the_tables_that_the_code_uses(store, engine):
    store.open().close()

    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        inspector = sa.inspect(connection)
        for table in metadata.sorted_tables:
            keys = inspector.get_pk_constraint(table.name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key]
            found = inspector.get_foreign_keys(table.name)
            deletes = [key["options"].get("ondelete") for key in found]
            assert deletes == ["CASCADE"] * len(table.foreign_keys)


def test_a_new_database_has_the_tables_that_all_migrations_make(store, engine):
    with engine.begin() as connection:
        migrations.upgrade(connection, None)
        additions.create(connection)
    migrated = definition(engine)
    found = sa.MetaData()
    found.reflect(engine)
    with engine.begin() as connection:
        found.drop_all(connection)
    triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY 1"

    store.open().close()

    assert definition(engine) == migrated
    if store.database.is_sqlite:
        made = sqlite3.connect(store.database.path)
        assert len(made.execute(triggers).fetchall()) == 3
        made.close()


def test_newest_migration_is_the_version_of_the_code(store, engine, scripts):
    store.open().close()

    assert scripts.get_heads() == [HEAD]
    with engine.connect() as connection:
        query = f"SELECT version_num FROM {VERSION_TABLE}"
        assert connection.exec_driver_sql(query).scalars().all() == [HEAD]


def test_tables_can_be_taken_back_and_made_again(store, engine):
    from alembic import command

    store.open().close()
    config = Config()
    config.set_main_option(
        "script_location", str(Path(migrations.__file__).parent).replace("%", "%%")
    )
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == [VERSION_TABLE]

    with store.open():
        assert store.runs.find() == []


def test_tables_of_an_earlier_version_get_the_additions_and_keep_their_version(
    store, engine
):
    store.open().close()
    complete = definition(engine)
    columns = ("parent_id", "metadata", "ocr_pages", "confidence")
    columns += ("unpacked_members", "unpacked_bytes", "replaces", "retired_at")
    columns += ("indexed_attempt",)
    with engine.begin() as connection:
        for name in ("not_indexed", "parent", "replaces", "retired"):
            connection.exec_driver_sql(f"DROP INDEX document_{name}")
        for name in columns:
            connection.exec_driver_sql(f"ALTER TABLE document DROP COLUMN {name}")
        for name in ("title", "markdown", "confidence"):
            connection.exec_driver_sql(f"ALTER TABLE page DROP COLUMN {name}")
        for name in ("kind", "headings"):
            connection.exec_driver_sql(f"ALTER TABLE chunk DROP COLUMN {name}")
        connection.exec_driver_sql("ALTER TABLE run DROP COLUMN encryption_key")
        connection.exec_driver_sql("ALTER TABLE vectors DROP COLUMN compared")
        tables = ("recognised_page", "vector_part", "vector_space", "word_document")
        tables += ("word_segment", "word_block")
        for name in (*tables, "source_file", "source"):
            connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql(f"DROP TABLE {ADDITIONS_TABLE}")

    with store.open():
        assert store.runs.find() == []

    assert definition(engine) == complete


def test_database_of_a_newer_version_is_refused_and_left_alone(store, engine):
    store.open().close()
    set_version(engine, "9999")
    before = definition(engine)

    with pytest.raises(StoreError, match="9999") as caught:
        store.open()

    assert "upgrade docprogress" in str(caught.value)
    assert definition(engine) == before
    set_version(engine, HEAD)
    store.open().close()


def test_failed_migration_leaves_the_database_as_it_was(store, engine):
    with engine.begin() as connection:
        # Of another program: the migration trips over it half-way.
        connection.exec_driver_sql("CREATE TABLE page (id INTEGER)")

    with pytest.raises(StoreError, match="page"):
        store.open()

    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["page"]
    store.close()


def test_tables_of_another_program_are_left_alone(store, engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('theirs')")

    store.open().close()

    with engine.connect() as connection:
        query = "SELECT version_num FROM alembic_version"
        assert connection.exec_driver_sql(query).scalars().all() == ["theirs"]


def test_threads_make_the_tables_of_several_databases_at_once(tmp_path):
    stores = [Store(f"sqlite:///{tmp_path / str(n)}.db") for n in range(4)]

    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(Store.open, stores))

    for store in opened:
        store.check()
        store.close()


@pytest.mark.parametrize("count", [3, pytest.param(6, marks=pytest.mark.slow)])
def test_workers_that_start_at_once_make_the_tables_once(url, count):
    script = (
        "import sys, sqlalchemy, numpy; from docprogress.store import Store;"
        "store = Store(sys.argv[1]); print(flush=True); sys.stdin.read();"
        "store.open().check(); store.close()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.close()
        process.stdin = None
    output = [process.communicate(timeout=patient(60))[1] for process in processes]

    assert output == [""] * count
    assert [process.returncode for process in processes] == [0] * count


def test_database_that_is_new_or_up_to_date_opens_without_alembic(store, url):
    script = (
        "import sys; from docprogress.store import Store; "
        "Store(sys.argv[1]).open().check(); print('alembic' in sys.modules)"
    )

    for _ in ("new", "up to date"):
        output = subprocess.run(
            [sys.executable, "-c", script, url],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ,
        )
        assert output.stdout == "False\n"

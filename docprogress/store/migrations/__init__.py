"""Migrations of the tables, one file for each version."""

import threading
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from docprogress.errors import StoreTooNew
from docprogress.store.migrations import additions
from docprogress.store.schema import metadata
from docprogress.store.table_version import HEAD, VERSION_TABLE

# Alembic keeps its state in a global variable.
_one_at_a_time = threading.Lock()


def create(connection: Connection) -> None:
    """Create all tables in a database that never had any, at the newest version.

    The result is that of all migrations and additions, in a fraction of the time.
    """
    added = additions.tables()
    made = [table for table in metadata.sorted_tables if table.name not in added]
    metadata.create_all(connection, made, checkfirst=False)
    connection.exec_driver_sql(
        f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL,"
        f" CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
    )
    connection.exec_driver_sql(
        f"INSERT INTO {VERSION_TABLE} (version_num) VALUES ('{HEAD}')"  # noqa: S608
    )
    additions.create(connection, columns=False)


def is_new(connection: Connection) -> bool:
    """Whether the database never had these tables."""
    return not sa.inspect(connection).has_table(VERSION_TABLE)


def upgrade(connection: Connection, version: str | None) -> None:
    """Upgrade the tables from `version`, or from an empty database.

    Raises:
        StoreTooNew: `version` is newer than this code.
    """
    # Imported here because it is not needed when the tables are up to date.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = str(Path(__file__).parent)
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory(folder).walk_revisions()}
    if version is not None and version not in known:
        raise StoreTooNew(
            f"the database has version {version} of the tables, and this docprogress "
            f"supports versions up to {max(known)}: upgrade docprogress"
        )
    with _one_at_a_time:
        command.upgrade(config, "head")

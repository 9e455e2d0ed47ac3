"""Migrations of the tables, one file for each version."""

import threading
from pathlib import Path

from sqlalchemy import Connection

from docprogress.errors import StoreTooNew

# Alembic keeps its state in a global variable.
_one_at_a_time = threading.Lock()


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
            f"knows them up to {max(known)}: upgrade docprogress"
        )
    with _one_at_a_time:
        command.upgrade(config, "head")

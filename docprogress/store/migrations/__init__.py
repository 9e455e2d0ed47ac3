"""How the tables came to be what they are, one file for each version."""

import threading
from pathlib import Path

from sqlalchemy import Connection

from docprogress.errors import StoreTooNew

# Alembic keeps what it does in a global.
_one_at_a_time = threading.Lock()


def upgrade(connection: Connection, version: str | None) -> None:
    """Bring the tables from `version`, or from nothing, to the newest one.

    Raises:
        StoreTooNew: `version` is newer than this code.
    """
    # Not needed, and so not loaded, where the tables are up to date.
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

"""The home folder of local services, and the names of its files."""

import os
import tempfile
from pathlib import Path

from docprogress.errors import ServicesError

#: The lock for starting and stopping the services of a home folder. Its modification
#: time is that of the latest request for them.
START_LOCK = "start.lock"

#: The lock of the supervisor of a home folder.
SUPERVISOR_LOCK = "supervisor.lock"

#: The file in a home folder whose services were stopped by a user.
STOPPED = "stopped"

#: In the environment of a worker that a supervisor has started: which process that is.
SUPERVISED = "DOCPROGRESS_SUPERVISED"


def prepare(home: Path) -> Path:
    """Make the home folder unless it exists.

    Raises:
        ServicesError: It cannot be written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "logs").mkdir(mode=0o700, exist_ok=True)
        (home / "redis").mkdir(mode=0o700, exist_ok=True)
        (home / START_LOCK).touch(mode=0o600)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise ServicesError(
            f"the home folder {home} cannot be written ({error.strerror}): choose "
            "another one with Pipeline(home=…) or DOCPROGRESS_HOME"
        ) from error
    return home


def chosen(given: object) -> Path:
    """The home folder that settings will have, given the argument or None."""
    named = given or os.environ.get("DOCPROGRESS_HOME")
    if not named:
        import platformdirs

        named = platformdirs.user_data_dir("docprogress")
    return Path(str(named)).expanduser().absolute()

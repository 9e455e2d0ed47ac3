"""Allow nested calls of `asyncio.run(…)`, for code that needs them.

docprogress does not: `run.wait()` has its own loop, and a cell can `await`.
"""

import asyncio
import logging
import sys
from importlib import import_module

from docprogress.errors import SettingsError

log = logging.getLogger(__name__)

#: From this ipykernel on, nest-asyncio 1.6 silently drops the cells that wait
#: behind one that called `asyncio.run`; nest-asyncio2 does not.
_DROPS_CELLS = (7, 3)


def allow_nested_asyncio() -> str | None:
    """Allow `asyncio.run(…)` in this kernel, although a loop is already running.

    It changes asyncio for the whole process, and cannot be undone.  nest-asyncio
    does it, or nest-asyncio2 from ipykernel 7.3 on, where nest-asyncio would drop
    the cells that are queued.

    Returns:
        The library that did it; None where no loop runs, so that nothing is needed.

    Raises:
        SettingsError: The loop is uvloop's, which cannot be changed.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    if type(loop).__module__.partition(".")[0] == "uvloop":
        raise SettingsError(
            "uvloop does not support nested event loops; `await` the coroutine instead "
            "of "
            "passing it to asyncio.run, or use asyncio's own loop"
        )
    name = "nest_asyncio2" if _drops_cells() else "nest_asyncio"
    import_module(name).apply(loop)
    log.info("asyncio.run can be nested now, with %s", name)
    return name


def _drops_cells() -> bool:
    ipykernel = sys.modules.get("ipykernel")
    return ipykernel is not None and ipykernel.version_info[:2] >= _DROPS_CELLS

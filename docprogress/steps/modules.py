"""Where steps' code is found, and whether it is still what the file says.

Workers live long and modules are edited: a module that a step names is run as
it is now, not as it was. Nothing that is installed is ever loaded twice.
"""

import importlib
import importlib.util
import os
import site
import sys
import sysconfig
import threading
from functools import lru_cache
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from docprogress.errors import StepError

_PATHS = sysconfig.get_paths()
#: Where modules lie that are not reloaded: ours, Python's own, and installed ones.
_INSTALLED = {
    os.path.realpath(root)
    for root in (
        str(Path(__file__).parent.parent),
        *(_PATHS[of] for of in ("stdlib", "platstdlib", "purelib", "platlib")),
        site.getusersitepackages(),
    )
}

#: The modules that were imported for steps: their files, as they were then.
_imported: dict[str, tuple[str, int, int]] = {}
_importing = threading.RLock()


def find(name: str, folder: str | None) -> ModuleType:
    """Import a module of a step, again if it is another one by now.

    Args:
        name: The module's full name.
        folder: Where it was found; None looks where Python looks, and in the
            current folder, which Python leaves out for installed programs.

    Raises:
        StepError: It is not there, or its code raises.
    """
    with _importing:
        _forget_other(name.partition(".")[0], folder)
        module = sys.modules.get(name)
        if module is not None and not _changed(name, module):
            return module
        sys.modules.pop(name, None)
        place = folder or str(Path.cwd())
        if place not in sys.path and not (folder is None and "" in sys.path):
            # At the end, so that nothing there takes the place of what is installed.
            sys.path.append(place)
        importlib.invalidate_caches()
        try:
            return _found(name, folder)
        except ModuleNotFoundError as error:
            if f"{name}.".startswith(f"{error.name}."):
                raise StepError(
                    f"there is no module {name!r}: it was looked for in {place} and "
                    "among what is installed (it must be found on every machine that "
                    "has workers)"
                ) from None
            raise _broken(name, error) from error
        except (Exception, SystemExit) as error:
            # Whatever a module's code may raise.
            raise _broken(name, error) from error


def folder_of(module: ModuleType) -> str | None:
    """The folder from which a module that is not installed is imported."""
    name = getattr(module, "__name__", "")
    top = sys.modules.get(name.partition(".")[0], module)
    package = next(iter(getattr(top, "__path__", ())), None)
    place = package or getattr(top, "__file__", None)
    return str(Path(place).parent) if place and _own(place) else None


class _Source(SourceFileLoader):
    """Compiles what the file holds now.

    Python's own cache takes a file that was written twice within a second, with
    as many characters, for unchanged: a cell that was corrected is such a file.
    """

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _found(name: str, folder: str | None) -> ModuleType:
    parent, _, child = name.rpartition(".")
    if parent:
        package = sys.modules.get(parent) or _found(parent, folder)
        spec = PathFinder.find_spec(name, getattr(package, "__path__", []))
    else:
        spec = PathFinder.find_spec(name, [folder]) if folder else None
        spec = spec or importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(name=name)
    if not _own(spec.origin) or type(spec.loader) is not SourceFileLoader:
        return importlib.import_module(name)
    assert spec.origin is not None
    stamp = _stamp(spec.origin)
    loader = spec.loader = _Source(name, spec.origin)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    if parent:
        setattr(sys.modules[parent], child, module)
    _imported[name] = stamp
    return sys.modules[name]


def _broken(name: str, error: BaseException) -> StepError:
    return StepError(
        f"importing {name!r} failed: {type(error).__name__}: {error}".rstrip(": ")
    )


def _forget_other(top: str, folder: str | None) -> None:
    """Drop the modules of another run's folder, if it has one of this name."""
    if folder is None or top not in sys.modules:
        return
    other = folder_of(sys.modules[top])
    if other in (None, folder) or PathFinder.find_spec(top, [folder]) is None:
        return
    for name, module in list(sys.modules.items()):
        if folder_of(module) == other:
            del sys.modules[name]
    if other in sys.path:
        sys.path.remove(other)


def _changed(name: str, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None or not _own(file):
        return False
    stamp = _stamp(file)
    return _imported.setdefault(name, stamp) != stamp


def _stamp(file: str) -> tuple[str, int, int]:
    try:
        now = os.stat(file)  # noqa: PTH116 - a string as Python wrote it
    except OSError:
        return file, 0, 0
    return file, now.st_mtime_ns, now.st_size


@lru_cache(maxsize=1024)
def _own(file: str | None) -> bool:
    """Whether a file is neither ours, nor Python's, nor installed."""
    if file is None or not Path(file).is_absolute():
        return False
    place = os.path.realpath(file)
    return not any(place.startswith(f"{root}{os.sep}") for root in _INSTALLED)

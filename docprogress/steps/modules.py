"""Import the modules of users' steps, and reload them when their files change.

Workers run for a long time while users edit their steps. Installed modules are never
reloaded.
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
#: Folders of modules that are not reloaded: this package, Python, and installed ones.
_INSTALLED = {
    os.path.realpath(root)
    for root in (
        str(Path(__file__).parent.parent),
        *(_PATHS[of] for of in ("stdlib", "platstdlib", "purelib", "platlib")),
        site.getusersitepackages(),
    )
}

#: The files of the modules imported for steps, as they were then.
_imported: dict[str, tuple[str, int, int]] = {}
_importing = threading.RLock()


def find(name: str, folder: str | None) -> ModuleType:
    """Import a step's module, again if its file has changed.

    Args:
        name: The module's full name.
        folder: The folder in which it was found when the step was defined; None
            searches `sys.path` and the current folder.

    Raises:
        StepError: There is no such module, or importing it fails.
    """
    with _importing:
        _forget_other_folder(name.partition(".")[0], folder)
        module = sys.modules.get(name)
        if module is not None and not _changed(name, module):
            return module
        sys.modules.pop(name, None)
        place = folder or str(Path.cwd())
        if place not in sys.path and not (folder is None and "" in sys.path):
            # At the end, so that nothing there shadows installed modules.
            sys.path.append(place)
        importlib.invalidate_caches()
        try:
            return _import(name, folder)
        except ModuleNotFoundError as error:
            if f"{name}.".startswith(f"{error.name}."):
                raise StepError(
                    f"there is no module {name!r}, neither in {place} nor among the "
                    "installed "
                    "packages (every machine with workers must have it)"
                ) from None
            raise _import_error(name, error) from error
        except (Exception, SystemExit) as error:
            raise _import_error(name, error) from error


def folder_of(module: ModuleType) -> str | None:
    """The folder of a module that is not installed; None for installed ones."""
    name = getattr(module, "__name__", "")
    top = sys.modules.get(name.partition(".")[0], module)
    package = next(iter(getattr(top, "__path__", ())), None)
    place = package or getattr(top, "__file__", None)
    return str(Path(place).parent) if place and _is_user_code(place) else None


class _UncachedLoader(SourceFileLoader):
    """Compiles the file without Python's bytecode cache.

    The cache does not notice a file that was rewritten within a second with the same
    length, as a corrected notebook cell may be.
    """

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _import(name: str, folder: str | None) -> ModuleType:
    parent, _, child = name.rpartition(".")
    if parent:
        package = sys.modules.get(parent) or _import(parent, folder)
        spec = PathFinder.find_spec(name, getattr(package, "__path__", []))
    else:
        spec = PathFinder.find_spec(name, [folder]) if folder else None
        spec = spec or importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(name=name)
    if not _is_user_code(spec.origin) or type(spec.loader) is not SourceFileLoader:
        return importlib.import_module(name)
    assert spec.origin is not None
    stamp = _stamp(spec.origin)
    loader = spec.loader = _UncachedLoader(name, spec.origin)
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


def _import_error(name: str, error: BaseException) -> StepError:
    return StepError(
        f"importing {name!r} failed: {type(error).__name__}: {error}".rstrip(": ")
    )


def _forget_other_folder(top: str, folder: str | None) -> None:
    """Unload the modules of another folder that has a module of this name."""
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
    if file is None or not _is_user_code(file):
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
def _is_user_code(file: str | None) -> bool:
    """Whether a file is not part of this package, Python, or an installed package."""
    if file is None or not Path(file).is_absolute():
        return False
    place = os.path.realpath(file)
    return not any(place.startswith(f"{root}{os.sep}") for root in _INSTALLED)

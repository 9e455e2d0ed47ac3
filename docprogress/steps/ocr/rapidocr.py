"""RapidOCR: the PP-OCR models on onnxruntime, which come with its wheel.

Its own orientation model turns about every tenth line of upright Latin text upside
down. A page is turned as a whole instead, the way its lines are recognised best.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from docprogress.errors import DocProgressError, SettingsError
from docprogress.steps.ocr.background import Background
from docprogress.steps.ocr.engine import INSTALL, Recognised
from docprogress.steps.ocr.layout import in_reading_order, straightened

if TYPE_CHECKING:
    from docprogress.steps.ocr.engine import Picture

#: The longest side, in pixels, of the image in which lines are searched: a share of the
#: page's, within limits.
SEARCH_SHARE = 0.55
LEAST_SEARCH_SIDE = 960
GREATEST_SEARCH_SIDE = 1600

#: The least confidence of a line that is kept.
LEAST_CONFIDENCE = 0.5

#: How many lines show which way up a page is, and the confidence that settles it.
SAMPLE_LINES = 4
SURE = 0.85

#: How much taller than wide a line is that runs downwards.
TALL = 1.5

_Boxes = NDArray[np.float32]
_Text = tuple[str, float]


@lru_cache(maxsize=1)
def engine(*, threads: int) -> "RapidOcrEngine":
    """The engine of this process.

    Raises:
        SettingsError: It cannot be loaded.
    """
    return RapidOcrEngine(threads=threads)


class RapidOcrEngine:
    """Recognises images with RapidOCR.

    Args:
        threads: How many threads onnxruntime may use.
    """

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._model: Any = None
        self._background: Background[Recognised] = Background()
        #: Changes whenever the results change; `1` counts changes of this module.
        self.name = f"rapidocr {version('rapidocr')}/1"

    def recognise(self, picture: "Picture", *, dpi: int) -> Recognised:  # noqa: ARG002
        return self._background.run(lambda check: self._recognise(picture, check))

    def _recognise(self, picture: "Picture", check: Callable[[], None]) -> Recognised:
        if self._model is None:
            self._model = _load(self._threads)
        # The models were trained on blue, green and red.
        image = np.ascontiguousarray(picture[:, :, ::-1])
        image, boxes, known = self._upright(image, check)
        found: list[tuple[list[list[float]], str]] = []
        scores: list[tuple[float, int]] = []
        for number, box in enumerate(boxes):
            check()
            text, score = known.get(number) or self._read(image, box)
            if score >= LEAST_CONFIDENCE and text.strip():
                found.append((box.tolist(), text.strip()))
                scores.append((score, len(text)))
        if not found:
            return Recognised(text="", confidence=None)
        weight = sum(length for _, length in scores)
        confidence = sum(score * length for score, length in scores) / weight
        return Recognised(
            text=in_reading_order(straightened(found)), confidence=round(confidence, 4)
        )

    def _upright(
        self, image: "Picture", check: Callable[[], None]
    ) -> "tuple[Picture, _Boxes, dict[int, _Text]]":
        """The page turned upright, its lines, and the texts of some of them."""
        boxes = self._search(image)
        tall = sum(_height(box) > TALL * _width(box) for box in boxes)
        downwards = 2 * tall > len(boxes)
        best: tuple[Picture, _Boxes, dict[int, _Text]] = (image, boxes, {})
        highest = -1.0
        for quarters in (1, 3) if downwards else (0, 2):
            check()
            turned = np.ascontiguousarray(np.rot90(image, quarters))
            lines = self._search(turned) if quarters else boxes
            widest = sorted(range(len(lines)), key=lambda n: -_width(lines[n]))
            sample: dict[int, _Text] = {}
            for number in widest[:SAMPLE_LINES]:
                check()
                sample[number] = self._read(turned, lines[number])
            confidence = fmean([s for _, s in sample.values()] or [0.0])
            if confidence > highest:
                best, highest = (turned, lines, sample), confidence
            if confidence >= SURE:
                break
        return best

    def _search(self, image: "Picture") -> _Boxes:
        """The corners of each line, clockwise from the top left."""
        import cv2

        longest = max(image.shape[:2])
        side = min(max(SEARCH_SHARE * longest, LEAST_SEARCH_SIDE), GREATEST_SEARCH_SIDE)
        scale = min(1.0, side / longest)
        small = image
        if scale < 1:
            small = cv2.resize(
                image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
            )
        found = self._model(small, use_det=True, use_cls=False, use_rec=False)
        boxes = getattr(found, "boxes", None)
        if boxes is None:
            return np.zeros((0, 4, 2), np.float32)
        return np.asarray(boxes, np.float32) / np.float32(scale)

    def _read(self, image: "Picture", box: NDArray[np.float32]) -> _Text:
        """The text of a line, and its confidence."""
        crop = _cropped(image, box)
        if crop.shape[0] > TALL * crop.shape[1]:
            # A line beside the text that runs up or down.
            ways = [np.ascontiguousarray(np.rot90(crop, n)) for n in (1, 3)]
            return max((self._text_of(each) for each in ways), key=lambda t: t[1])
        return self._text_of(crop)

    def _text_of(self, crop: "Picture") -> _Text:
        found = self._model(crop, use_det=False, use_cls=False, use_rec=True)
        if not found.txts:
            return "", 0.0
        return str(found.txts[0]), float(found.scores[0])


def _load(threads: int) -> Any:
    """The models, loaded into memory.

    Raises:
        SettingsError: A library or a model is missing or damaged.
    """
    # From 1.32 on it reports its use to its maker, unless this is set when it is
    # imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import rapidocr

        model = rapidocr.RapidOCR(
            params={
                # It has its own handler, which writes to standard error.
                "Global.log_level": "critical",
                # Lines are cropped and pages are scaled here.
                "Global.use_preprocess_img": False,
                "Det.limit_type": "max",
                "Det.limit_side_len": GREATEST_SEARCH_SIDE,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        # Models are loaded with the first image.
        blank = np.full((64, 64, 3), 255, np.uint8)
        model(blank, use_det=True, use_cls=False, use_rec=False)
        model(blank, use_det=False, use_cls=False, use_rec=True)
        if threads > 1:
            for part in (model.text_det, model.text_rec):
                _stop_spinning(part.session, threads)
    except DocProgressError:
        raise
    except Exception as error:
        raise SettingsError(
            f"the OCR engine cannot be loaded ({error}); {INSTALL}"
        ) from error
    return model


def _stop_spinning(holder: Any, threads: int) -> None:
    """Replace a model's session by one whose idle threads leave the cores to others."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    path = holder.session._model_path  # noqa: SLF001 - the only place that has it
    holder.session = InferenceSession(
        path, sess_options=options, providers=["CPUExecutionProvider"]
    )


def _cropped(image: "Picture", box: NDArray[np.float32]) -> "Picture":
    """A line, straightened."""
    import cv2

    width = max(1, round(max(_width(box), float(np.linalg.norm(box[3] - box[2])))))
    height = max(1, round(max(_height(box), float(np.linalg.norm(box[1] - box[2])))))
    corners = np.array(
        [[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32
    )
    matrix = cv2.getPerspectiveTransform(box, corners)
    crop: Picture = cv2.warpPerspective(
        image,
        matrix,
        (width, height),
        borderMode=cv2.BORDER_REPLICATE,
        flags=cv2.INTER_CUBIC,
    )
    return crop


def _width(box: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(box[1] - box[0]))


def _height(box: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(box[3] - box[0]))

"""Images that are open in Pillow, as arrays that an engine takes."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from docprogress.steps.ocr.engine import Picture

#: The maximum number of pixels of an image that is opened, and of one of its sides.
MAX_IMAGE_PIXELS = 150_000_000
MAX_IMAGE_SIDE = 50_000

#: The maximum number of pixels of an image that is recognised; a larger one is scaled
#: down.
MAX_PIXELS = 30_000_000

#: The greatest value of a pixel with 16 bits.
_SIXTEEN_BITS = 65_535


class TooLarge(Exception):  # noqa: N818 - reads as a fact
    """Raised when an image has too many pixels."""


@contextmanager
def pillow_limits() -> Iterator[None]:
    """Within this block, Pillow refuses images that are far too large.

    Raises:
        TooLarge: One is.
    """
    from PIL import Image

    with warnings.catch_warnings():
        # It warns from half of the size on from which it refuses.
        warnings.simplefilter("ignore")
        try:
            yield
        except Image.DecompressionBombError as error:
            raise TooLarge(str(error)) from error


def check_size(image: "Image") -> None:
    """Check the size of an image before its pixels are read.

    Raises:
        TooLarge: It has too many.
    """
    width, height = image.size
    if width * height > MAX_IMAGE_PIXELS or max(width, height) > MAX_IMAGE_SIDE:
        raise TooLarge(f"{width:,} by {height:,} pixels")


def as_picture(image: "Image") -> "Picture":
    """The pixels of an image, the right way up as its camera noted, on white.

    Raises:
        TooLarge: It has too many.
    """
    import numpy as np
    from PIL import Image, ImageOps

    check_size(image)
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        image.draft(None, _scaled(image, (MAX_PIXELS / pixels) ** 0.5))
        if (pixels := image.width * image.height) > MAX_PIXELS:
            exif = image.getexif()
            image = image.reduce(math.ceil((pixels / MAX_PIXELS) ** 0.5))
            image.getexif().update(exif)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    return np.asarray(image.convert("RGB"), np.uint8)


def _scaled(image: "Image", factor: float) -> tuple[int, int]:
    return max(1, int(image.width * factor)), max(1, int(image.height * factor))


def _eight_bits(image: "Image") -> "Image":
    """An image of larger numbers, which Pillow would cut off at 255."""
    import numpy as np
    from PIL import Image

    values: Any = np.nan_to_num(np.asarray(image, np.float64))
    greatest = values.max(initial=0.0)
    if image.mode.startswith("I;16") and greatest > 255:  # noqa: PLR2004 - 8 bits
        greatest = _SIXTEEN_BITS
    least = min(0.0, values.min(initial=0.0))
    span = max(greatest - least, 1e-9)
    scaled = (values - least) * (255 / span)
    return Image.fromarray(scaled.clip(0, 255).astype(np.uint8))

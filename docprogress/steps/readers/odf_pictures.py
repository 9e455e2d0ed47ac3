"""Find the descriptions of pictures in an OpenDocument part."""

from collections.abc import Callable

from docprogress.steps.readers.pictures_described import description


class Pictures:
    """Collects the titles and descriptions of the frame that is open.

    Args:
        collect: Makes characters go into a list; None ends that.
        skip: Leaves out the element that begins.
        write: Writes a description at the end of its frame.
    """

    def __init__(
        self,
        *,
        collect: Callable[[list[str] | None], None],
        skip: Callable[[], None],
        write: Callable[[str], None],
    ) -> None:
        self._collect = collect
        self._skip = skip
        self._write = write
        self._picture = self._object = False
        self._pieces: list[str] = []
        self._found: list[str] = []

    def start_draw_frame(self, _: dict[str, str]) -> None:
        self._picture = self._object = False

    def start_draw_object(self) -> None:
        """Note that the frame shows an object, of which there is a picture, too."""
        self._object = True

    def start_draw_image(self, _: dict[str, str]) -> None:
        self._picture = not self._object

    def start_svg_desc(self, _: dict[str, str]) -> None:
        if self._picture:
            self._pieces = []
            self._collect(self._pieces)
        else:
            self._skip()

    def end_svg_desc(self) -> None:
        self._collect(None)
        found = description("".join(self._pieces))
        if found and found not in self._found:
            self._found.append(found)

    start_svg_title, end_svg_title = start_svg_desc, end_svg_desc

    def end_draw_frame(self) -> None:
        self._picture = self._object = False
        found, self._found = " ".join(self._found), []
        if found:
            self._write(found)

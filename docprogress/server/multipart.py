"""Parse an upload's form as it arrives: one file and its case id."""

import contextlib
import re
from collections.abc import Iterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from docprogress.documents import display_name
from docprogress.errors import InvalidForm
from docprogress.events import LONGEST_ID
from docprogress.storage.incoming import too_large

#: Bytes of the file that are collected before they are written.
BLOCK_SIZE = 1024 * 1024

#: The maximum size of everything in a form but the file: other fields, the parts'
#: headers and the boundaries.
MAX_FORM_OVERHEAD = 64 * 1024

_INVALID = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class UploadForm:
    """An incremental parser that yields the file's bytes."""

    def __init__(self, boundary: bytes, limit: int) -> None:
        self.size = 0
        self.name: str | None = None
        self._limit = limit
        self._block = bytearray()
        self._overhead = 0
        self._case = bytearray()
        self._field: str | None = None
        self._headers: dict[str, bytes] = {}
        self._header = (bytearray(), bytearray())
        self._ended = False
        with _translate_errors():
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._data,
                    "on_end": self._end,
                },
            )

    @property
    def case_id(self) -> str | None:
        """The case that the document belongs to."""
        try:
            case_id = self._case.decode()
        except UnicodeDecodeError:
            raise InvalidForm("case_id is not UTF-8") from None
        if len(case_id) > LONGEST_ID or _INVALID.search(case_id):
            raise InvalidForm(
                f"case_id must have at most {LONGEST_ID} characters, and no control "
                "characters"
            )
        return case_id or None

    def feed(self, data: bytes) -> list[bytes]:
        """Parse a part of the form. Returns blocks of the file to write."""
        before = self.size
        with _translate_errors():
            self._parser.write(data)
        self._overhead += len(data) - (self.size - before)
        if self._overhead > MAX_FORM_OVERHEAD:
            raise InvalidForm(
                f"the form has more than {MAX_FORM_OVERHEAD} bytes besides its file"
            )
        if len(self._block) < BLOCK_SIZE:
            return []
        return self.rest()

    def rest(self) -> list[bytes]:
        """The parsed bytes of the file that were not returned yet."""
        block, self._block = bytes(self._block), bytearray()
        return [block] if block else []

    def close(self) -> None:
        """Check that the form is complete."""
        if not self._ended:
            raise InvalidForm("the form is incomplete")
        if self.name is None:
            raise InvalidForm("the form has no file: send it in a part named `file`")

    def _part(self) -> None:
        self._headers = {}
        self._header = (bytearray(), bytearray())
        self._field = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        kind, options = parse_options_header(
            self._headers.get("content-disposition", b"")
        )
        if kind != b"form-data":
            raise InvalidForm(
                "a part of the form has no `Content-Disposition: form-data`"
            )
        self._field = options.get(b"name", b"").decode(errors="replace")
        if self._field != "file":
            return
        if b"filename" not in options:
            raise InvalidForm("`file` must be a file with a filename")
        if self.name is not None:
            raise InvalidForm("the form has more than one file: send one at a time")
        self.name = display_name(options[b"filename"].decode(errors="replace"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field == "file":
            self.size += end - start
            if self.size > self._limit:
                raise too_large(self.name or "the upload", None, self._limit)
            self._block += memoryview(data)[start:end]
        elif self._field == "case_id":
            self._case += memoryview(data)[start:end]

    def _end(self) -> None:
        self._ended = True


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except FormParserError as error:
        raise InvalidForm(f"the form cannot be parsed: {error}") from error


def boundary_of(request: Request) -> bytes:
    """The form's boundary.

    Raises:
        InvalidForm: The request is not a form.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidForm(
            "send the document as multipart/form-data, in a part named `file`"
        )
    return boundary

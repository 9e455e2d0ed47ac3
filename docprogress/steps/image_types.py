"""The types of images, by the first bytes of a file."""

#: Regular expressions of the first bytes, and the media types.
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (rb"\x89PNG\r\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "image/tiff"),
    (rb"BM.{4}\0\0\0\0", "image/bmp"),
    (rb"RIFF.{4}WEBP", "image/webp"),
    (rb".{4}ftypavi[fs]", "image/avif"),
    (rb".{4}ftyp(?:hei|hev|mif|msf)", "image/heic"),
)

TYPES = frozenset(media_type for _, media_type in SIGNATURES)

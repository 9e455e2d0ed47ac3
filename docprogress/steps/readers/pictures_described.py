"""Descriptions of pictures (alternative texts)."""

import re

#: Programs describe a picture by its file, or by what they take it for.
_FILE = re.compile(
    r"(?:\S*[/\\].*|\S+|(?:image|picture|grafik|bild)\s*\d*)"
    r"\.(?:png|jpe?g|gif|bmp|tiff?|emf|wmf|svg|webp)",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"\s*(?:Description automatically generated\b.*|"
    r"Automatisch generierte Beschreibung\b.*|"
    r"AI-generated content may be incorrect\.?)",
    re.IGNORECASE | re.DOTALL,
)


def description(text: str | None) -> str:
    """The description as one line; empty if it only names a file."""
    line = " ".join(_GENERATED.sub("", text or "").split())
    return "" if _FILE.fullmatch(line) else line

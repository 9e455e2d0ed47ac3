"""Repair XML that is not well-formed, from the position where the parser fails.

Only what leaves no doubt is repaired: spaces and quotes in tags, characters that XML
does not have, ampersands, tags in the wrong order. XML whose root element does not end
was cut short, and stays unreadable. It takes linear time, whatever the XML.
"""

import html
import re
import sys
from collections import Counter
from xml.sax.saxutils import escape, quoteattr

#: The largest part that is repaired: it is in memory as a whole.
MAX_BYTES = 32 * 1024 * 1024

_NAME = r"[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?"
_TAG = re.compile(
    rf"<\s{{0,8}}(/?)\s{{0,8}}({_NAME})"
    r"((?>[^<>\"']+|\"[^\"<]*\"|'[^'<]*')*+(?=>)|[^<>]*)>"
)
_ATTRIBUTE = re.compile(
    rf"(?<!\S)({_NAME})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))"
)
_REFERENCE = re.compile(
    r"&(?:#(\d{1,7});|#[xX]([0-9a-fA-F]{1,6});|([A-Za-z]\w{0,30});)?"
)
_OPEN_REFERENCE = re.compile(rb"&#?\w*$")
_INVALID = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PREFIX = re.compile(r"\sxmlns:([\w.-]+)\s*=")
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.-]+)")
_XML_ENTITIES = ("amp", "lt", "gt", "quot", "apos")

#: What is neither a tag nor text, by how it starts, and how it ends.
_SECTIONS = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!", ">"))


def repair(data: bytes, failed: int) -> tuple[bytes, bytes] | None:
    """The XML before the token at which parsing failed, and the rest of it, repaired.

    None if it cannot be repaired safely.

    Args:
        data: The whole XML.
        failed: The parser's `ErrorByteIndex`.
    """
    encoding = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    if encoding and encoding[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        return None
    if len(data) > MAX_BYTES or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return None
    start = _token_start(data, failed)
    before = data[:start].decode(errors="replace")
    rest = data[start:].decode(errors="replace")
    fixed = _Repair({*_PREFIX.findall(before), *_PREFIX.findall(rest), "xml", "xmlns"})
    fixed.feed(before)
    fixed.output.clear()
    fixed.feed(rest)
    return (data[:start], "".join(fixed.output).encode()) if fixed.ended else None


def _token_start(data: bytes, failed: int) -> int:
    """Where the token begins whose characters have not been delivered."""
    tag = data.rfind(b"<", 0, failed)
    if data.rfind(b">", 0, failed) < tag:
        return tag
    if data[failed - 2 : failed + 1] == b"]]>":
        return 1 + max(data.rfind(end, 0, failed) for end in (b">", b"\n", b"\r"))
    reference = _OPEN_REFERENCE.search(data, max(0, failed - 40), failed)
    return reference.start() if reference else failed


class _Repair:
    def __init__(self, prefixes: set[str]) -> None:
        self._prefixes = prefixes
        self._open: list[str] = []
        self._opened: Counter[str] = Counter()
        self._unclosed: set[str] = set()
        self.output: list[str] = []
        #: Whether the end tag of the root element was found.
        self.ended = False

    def feed(self, xml: str) -> None:
        at = 0
        while at < len(xml) and not self.ended:
            bracket = xml.find("<", at)
            if bracket != at:
                end = len(xml) if bracket < 0 else bracket
                self._text(xml[at:end])
                at = end
                continue
            at = self._section(xml, at) or self._tag(xml, at)

    def _section(self, xml: str, at: int) -> int:
        """Keep a comment, CDATA or an instruction, and give its end; 0 if none."""
        for start, end in _SECTIONS:
            if xml.startswith(start, at) and end not in self._unclosed:
                found = xml.find(end, at + len(start))
                if found >= 0:
                    found += len(end)
                    section = _INVALID.sub(" ", xml[at:found])
                    # A declaration is nothing but the first thing of a file.
                    self.output.append("" if section[:5] == "<?xml" else section)
                    return found
                # It is not searched for again, which would take a square of the time.
                self._unclosed.add(end)
        return 0

    def _tag(self, xml: str, at: int) -> int:
        found = _TAG.match(xml, at)
        if found is None:
            self._text("<")
            return at + 1
        closing, name, attributes = found.groups()
        name = self._known(name)
        if closing:
            self._end(name)
        else:
            empty = attributes.rstrip().endswith("/")
            attributes = self._attributes(attributes.rstrip().removesuffix("/"))
            self.output.append(f"<{name}{attributes}{'/' if empty else ''}>")
            if not empty:
                self._open.append(name)
                self._opened[name] += 1
        return found.end()

    def _end(self, name: str) -> None:
        """Close an element and what is open in it; nothing if it is not open."""
        if not self._opened[name]:
            return
        while self._open:
            last = self._open.pop()
            self._opened[last] -= 1
            self.output.append(f"</{last}>")
            if last == name:
                break
        self.ended = not self._open

    def _attributes(self, written: str) -> str:
        found: dict[str, str] = {}
        for name, *values in _ATTRIBUTE.findall(written):
            if self._known(name) == name:
                found.setdefault(name, _valid("".join(values)))
        return "".join(
            f" {name}={quoteattr(html.unescape(value))}"
            for name, value in found.items()
        )

    def _known(self, name: str) -> str:
        """The name, without a prefix that is declared nowhere."""
        prefix, _, local = name.partition(":")
        return name if not local or prefix in self._prefixes else f"{prefix}.{local}"

    def _text(self, text: str) -> None:
        if self._open:
            text = _valid(text).replace("<", "&lt;").replace("]]>", "]]&gt;")
            self.output.append(text)


def _valid(text: str) -> str:
    """Text with references and characters that XML has."""
    return _REFERENCE.sub(_reference, _INVALID.sub(" ", text))


def _reference(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name:
        if name in _XML_ENTITIES:
            return found[0]
        return escape(html.unescape(found[0]))
    if not decimal and not hexadecimal:
        return "&amp;"
    number = int(decimal) if decimal else int(hexadecimal, 16)
    if number > sys.maxunicode or _INVALID.match(chr(number)):
        return " "
    return found[0]

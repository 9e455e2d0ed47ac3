"""The control words of RTF that are acted on, and its code pages."""

import codecs

#: Code pages of fonts' character sets.
CHARSETS = {
    0: "cp1252",
    77: "mac_roman",
    78: "cp932",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
SYMBOL_CHARSET = 2
DEFAULT_CODE_PAGE = "cp1252"

#: Code pages whose Python names are others.
_RENAMED = {936: "gb18030", 1361: "johab", 10000: "mac_roman", 65001: "utf-8"}
_MAC = {10001: "shift_jis", 10006: "mac_greek", 10007: "mac_cyrillic"}
_MAC |= {10029: "mac_latin2", 10081: "mac_turkish", 708: "iso8859_6"}

#: Characters that are written as words.
CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "lbr": "\n",
    "page": "\n",
    "column": "\n",
    "emdash": "—",
    "endash": "\u2013",
    "bullet": "•",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "“",
    "rdblquote": "”",
    "zwj": "\u200d",
    "zwnj": "\u200c",
    "ltrmark": "\u200e",
    "rtlmark": "\u200f",
}
#: Control symbols that are characters.
SYMBOLS = {b"~": "\xa0", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\"}

#: Groups without text of the document, though nothing marks them as ignorable.
SKIPPED = frozenset(
    (
        *("colortbl", "stylesheet", "filetbl", "pict", "nonshppict", "picprop"),
        *("sp", "sn", "sv", "shprslt", "xe", "tc", "rxe", "txe"),
        *("bkmkstart", "bkmkend", "objdata", "objclass", "objname", "private"),
        *("template", "generator", "revtbl", "listtable", "listoverridetable"),
        *("rsidtbl", "nonesttables", "ftnsep", "ftnsepc", "ftncn", "aftnsep"),
        *("aftnsepc", "aftncn", "falt", "panose", "datafield", "formfield"),
        *("mmathPict", "mmathPr", "atnid", "atndate", "atnref", "atrfstart"),
        *("atrfend", "pn", "xmlnstbl", "themedata", "colorschememapping"),
        *("latentstyles", "datastore", "wgrffmtfilter", "pgdsctbl", "docvar"),
        *("userprops", "operator", "company", "manager", "category", "keywords"),
        *("doccomm", "comment", "subject", "hlinkbase"),
    )
)
#: Groups that are marked as ignorable and are read nevertheless.
KNOWN = frozenset(
    (
        *("shpinst", "shptxt", "nesttableprops", "annotation", "atnauthor", "do"),
        *("dptxbxtext", "ud", "moMath", "moMathPara", "footnote", "fldinst"),
    )
)
HEADERS = frozenset(["header", "headerl", "headerr", "headerf"])
FOOTERS = frozenset(["footer", "footerl", "footerr", "footerf"])
BOXES = frozenset(("shptxt", "dptxbxtext"))
LABELS = frozenset(("listtext", "pntext"))


def code_page(number: int) -> str:
    """Python's name of a Windows or Macintosh code page; the default if unknown."""
    name = _RENAMED.get(number) or _MAC.get(number) or f"cp{number}"
    try:
        codecs.lookup(name)
    except LookupError:
        return DEFAULT_CODE_PAGE
    return name


def decoded(data: bytes, encoding: str) -> str:
    """Text of a code page; what is not in it becomes U+FFFD."""
    try:
        return data.decode(encoding, "replace")
    except (LookupError, UnicodeError, ValueError):
        return data.decode(DEFAULT_CODE_PAGE, "replace")

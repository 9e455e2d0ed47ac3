"""The metadata of a web page: its author, dates and language."""

import html
import re

from docprogress.steps.text import clean_title

#: Characters at the beginning of a page that are looked through.
LONGEST_HEAD = 200_000
_MOST_TAGS = 500

_ROOT = re.compile(r"<html\b([^<>]{0,2000})>", re.IGNORECASE)
_META = re.compile(r"<meta\b([^<>]{0,2000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""([\w:.-]{1,40})\s{0,9}=\s{0,9}(?:"([^"]{0,1000})"|'([^']{0,1000})'|([^\s"'>]{1,1000}))"""
)
_BODY = re.compile(r"<body\b", re.IGNORECASE)

#: What the names of `meta` elements mean, the best of each first.
_NAMES = {
    "author": ("author", "dc.creator", "dcterms.creator", "article:author"),
    "created": (
        "article:published_time",
        "datepublished",
        "dcterms.created",
        "dcterms.date",
        "dc.date",
        "date",
    ),
    "modified": ("article:modified_time", "dcterms.modified", "last-modified"),
    "language": ("content-language", "dc.language", "language"),
}


def head_facts(page: str) -> dict[str, str]:
    """The author, dates and language of a page, as it writes them."""
    body = _BODY.search(page, 0, LONGEST_HEAD)
    end = body.start() if body else min(len(page), LONGEST_HEAD)
    said: dict[str, str] = {}
    for number, tag in enumerate(_META.finditer(page, 0, end)):
        if number == _MOST_TAGS:
            break
        given = _attributes(tag[1])
        name = given.get("name") or given.get("property") or given.get("itemprop")
        name = name or given.get("http-equiv", "")
        if value := clean_title(given.get("content", "")):
            said.setdefault(name.lower(), value)
    facts = {
        fact: next((said[name] for name in names if name in said), "")
        for fact, names in _NAMES.items()
    }
    if root := _ROOT.search(page, 0, end):
        given = _attributes(root[1])
        lang = given.get("lang") or given.get("xml:lang", "")
        facts["language"] = lang.strip() or facts["language"]
    if facts["author"].startswith(("http://", "https://")):
        facts["author"] = ""  # a profile of its author in a social network
    return {name: value for name, value in facts.items() if value}


def _attributes(written: str) -> dict[str, str]:
    return {
        found[1].lower(): html.unescape(found[2] or found[3] or found[4] or "")
        for found in _ATTRIBUTE.finditer(written)
    }

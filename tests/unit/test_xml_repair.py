"""XML that is not well-formed is read where no doubt is left of what was meant."""

import contextlib
import random
import re
import time
import xml.etree.ElementTree as ET
from xml.parsers import expat

import pytest

from docprogress.steps.xml_parsing import parse


class Recorder:
    def __init__(self):
        self._text = []
        self._tags = []

    def start(self, name, attributes):
        self._tags.append(f"<{name}{attributes or ''}>")

    def end(self, name):
        self._tags.append(f"</{name}>")

    def characters(self, data):
        self._text.append(data)

    @property
    def text(self):
        return "".join(self._text)

    @property
    def tags(self):
        return "".join(self._tags)


def read(xml, *, block=1 << 18):
    """What a handler receives, and whether it was repaired."""
    data = xml.encode() if isinstance(xml, str) else xml
    recorder = Recorder()
    repaired = []
    for _ in parse(
        lambda: (data[at : at + block] for at in range(0, len(data), block)),
        recorder,
        protect=lambda parser: None,
        on_repair=lambda: repaired.append(True),
    ):
        pass
    assert len(repaired) <= 1
    return recorder, bool(repaired)


@pytest.mark.parametrize(
    ("xml", "text", "tags"),
    [
        ("<a>one <b/ ></a>", "one ", "<a><b></b></a>"),
        ("<a>one < b x='1'>two</ b ></a>", "one two", "<a><b{'x': '1'}></b></a>"),
        ("<a>one\x0btwo\x00three</a>", "one two three", "<a></a>"),
        ("<a>one &#11;two&#xFFFE;</a>", "one  two ", "<a></a>"),
        (
            "<a>Harrow & Lunt &amp; Co &c; &lt;</a>",
            "Harrow & Lunt & Co &c; <",
            "<a></a>",
        ),
        ("<a>one&nbsp;two&eacute;</a>", "one\xa0two\xe9", "<a></a>"),
        ("<a>1 < 2 and 3 <= 4</a>", "1 < 2 and 3 <= 4", "<a></a>"),
        ("<a>one\ntwo ]]> three</a>", "one\ntwo ]]> three", "<a></a>"),
        ("<a><b><c>one</b></c>two</a>", "onetwo", "<a><b><c></c></b></a>"),
        ("<a>one</c>two</a>", "onetwo", "<a></a>"),
        (
            "<a><b x=1 y='2' x='3'>one</b></a>",
            "one",
            "<a><b{'x': '1', 'y': '2'}></b></a>",
        ),
        ("<a><b x='1 & 2'>one</b></a>", "one", "<a><b{'x': '1 & 2'}></b></a>"),
        ("<a><p:b p:x='1'>one</p:b>two</a>", "onetwo", "<a><p.b></p.b></a>"),
        ("\n<?xml version='1.0'?><a>one</a>", "one", "<a></a>"),
        ("<a>one</a>\0\0\0 rest", "one", "<a></a>"),
        (b"<a>caf\xe9 <b>one</b></a>", "caf\ufffd one", "<a><b></b></a>"),
        ("<a>one<!-- & --><![CDATA[ & <]]> &</a>", "one & < &", "<a></a>"),
    ],
)
def test_damage_that_leaves_no_doubt_is_repaired(xml, text, tags):
    recorder, repaired = read(xml)

    assert (recorder.text, recorder.tags, repaired) == (text, tags, True)


def test_well_formed_xml_is_not_touched():
    recorder, repaired = read("<a>one<b x='1'/>two &amp; three</a>")

    assert (recorder.text, repaired) == ("onetwo & three", False)


@pytest.mark.parametrize(
    "xml",
    [
        "<a>one & two",
        "<a>one<b>two</b>",
        "<a>one<b",
        "no markup",
        "",
        "<?xml version='1.0' encoding='utf-16be'?><a>&</a>",
        "<?xml version='1.0' encoding='latin-1'?><a>one & two</a>",
    ],
)
def test_xml_that_was_cut_short_is_refused(xml):
    with pytest.raises(expat.ExpatError):
        read(xml)


def test_each_event_is_delivered_once_wherever_the_damage_is():
    parts = [f"<p n='{number}'>word{number} é &amp; " for number in range(60)]
    whole = f"<a>{''.join(f'{part}</p>' for part in parts)}</a>"
    words = re.findall(r"word\d+", whole)
    chance = random.Random(4)

    for damage in ("</ p>", "<b/ >", "&", "\x01"):
        for _ in range(20):
            place = whole.index("</p>", chance.randrange(len(whole) - 10))
            found, repaired = read(
                whole[:place] + damage + whole[place:], block=chance.randint(5, 900)
            )
            assert repaired
            assert re.findall(r"word\d+", found.text) == words
            assert found.tags.count("<p") == len(parts)


@pytest.mark.parametrize(
    "piece",
    [
        "<a>",
        "</b>",
        "< ",
        "<a x='",
        "<!--",
        "<![CDATA[",
        "&",
        "&#1;",
        "]]>",
        "<a b=' \"",
        "  ",
        "a= ",
    ],
)
def test_repair_takes_linear_time(piece):
    xml = f"<a><b/ >{piece * 30_000}</a>"

    began = time.process_time()
    with contextlib.suppress(expat.ExpatError):
        read(xml)

    assert time.process_time() - began < 2


def test_repaired_xml_is_well_formed_after_any_flip():
    whole = (
        b"<r xmlns:w='u'>" + b"<w:p w:x='1'>some &amp; text<w:i/></w:p>" * 20 + b"</r>"
    )
    ET.fromstring(whole)
    chance = random.Random(7)
    repaired = 0

    for _ in range(200):
        flipped = bytearray(whole)
        for _ in range(3):
            flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        try:
            repaired += read(bytes(flipped))[1]
        except (expat.ExpatError, LookupError, ValueError):
            continue

    assert repaired > 30

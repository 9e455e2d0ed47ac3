"""Office files and books whose XML is damaged a little have all their text."""

import re
import zipfile

import pytest
from support.mutants import SAMPLES
from support.office import flat_odf
from support.workbooks import packed

from docprogress.documents import Document
from docprogress.settings import load
from docprogress.steps.extract import extract

#: Not well-formed in each of its three places.
DAMAGE = b"\x0b&#11;<x/ >"

#: Chapters are HTML, which needs no repair.
KEPT = re.compile(r"\[Content_Types\].xml|.*\.xhtml|.*manifest.xml|mimetype")


@pytest.fixture
def read(tmp_path):
    def read(content, name):
        path = tmp_path / "document"
        path.write_bytes(content)
        document = Document(id="d", name=name, path=path, size=len(content))
        with extract(document, settings=load()) as extraction:
            pages = list(extraction)
        found = [(page.text.split(), (page.markdown or "").split()) for page in pages]
        return found, extraction.facts

    return read


def damaged(xml):
    """The XML with damage before its first end tag."""
    return re.sub(b"</(?!.*DOCTYPE)", DAMAGE + b"</", xml, count=1)


@pytest.mark.parametrize("kind", ["docx", "pptx", "xlsx", "odt", "odp", "ods", "epub"])
def test_every_part_of_a_file_is_read_as_if_it_were_well_formed(read, kind):
    path = next(iter(sorted(SAMPLES.rglob(f"*.{kind}"))))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    broken = packed(
        {
            name: content if KEPT.fullmatch(name) else damaged(content)
            for name, content in parts.items()
        }
    )

    whole, facts = read(path.read_bytes(), path.name)
    found, found_facts = read(broken, path.name)

    assert found == whole
    assert any("not well-formed" in warning for warning in found_facts["warnings"])
    assert "warnings" not in facts


def test_a_flat_file_is_repaired_and_noted_once(read):
    whole = flat_odf("<text:p>one</text:p><text:p>two</text:p>")

    found, facts = read(whole.replace(b"one<", b"one &\x0b<"), "a.fodt")

    assert found == [(["one", "&", "two"], ["one", "&", "two"])]
    assert facts["warnings"] == [
        "the file is not well-formed XML; it was read as far as it makes sense"
    ]

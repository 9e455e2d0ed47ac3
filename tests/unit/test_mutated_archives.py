"""Whatever is damaged in an archive, opening it gives members or a refusal.

`DOCPROGRESS_TEST_FUZZ_SECONDS=600` opens new mutants for ten minutes.
"""

import bz2
import gzip
import io
import lzma
import os
import random
import time

import pytest
import pyzipper
from support.archives import tarred, zipped

from docprogress.documents import Document
from docprogress.errors import DocumentError
from docprogress.settings import load
from docprogress.steps import containers, formats

SECONDS = float(os.environ.get("DOCPROGRESS_TEST_FUZZ_SECONDS", "0"))
FILES = [(f"folder/{n}.txt", b"line %d\n" % n * 60) for n in range(4)]
SETTINGS = load(max_members=50, max_unpacked_bytes=1 << 20, passwords=["a", "b"])


def aes():

    content = io.BytesIO()
    with pyzipper.AESZipFile(content, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"b")
        archive.writestr("a.txt", "secret")
    return content.getvalue()


KINDS = {
    "zip": zipped(FILES),
    "aes": aes(),
    "tar": tarred(FILES),
    "tgz": tarred(FILES, mode="w:gz"),
    "tbz": tarred(FILES, mode="w:bz2"),
    "txz": tarred(FILES, mode="w:xz"),
    "gz": gzip.compress(FILES[0][1]),
    "bz2": bz2.compress(FILES[0][1]),
    "xz": lzma.compress(FILES[0][1]),
}


def mutant(content, seed):
    chance = random.Random(seed)
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = chance.randrange(len(data))
        kind = chance.randrange(5)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            data[at : at + 4] = chance.choice(
                (b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff")
            )
        elif kind == 3:
            del data[at : at + chance.randrange(1, 40)]
        else:
            data[at:at] = data[at : at + chance.randrange(1, 600)]
        if not data:
            return b"\0"
    return bytes(data)


def opened(document):
    """The number of members of a file, all of which are read."""
    kind = formats.media_type(document)
    if not containers.is_container(kind):
        return 0
    count = 0
    with containers.members(document, settings=SETTINGS, media_type=kind) as found:
        for member in list(found):
            count += 1
            read = 0
            try:
                for block in containers.blocks(member, member.name):
                    read += len(block)
                    if read > SETTINGS.max_unpacked_bytes:
                        break
            except DocumentError:
                continue
    return count


@pytest.mark.timeout(120 + SECONDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_archive_gives_members_or_a_refusal(kind, tmp_path):
    path = tmp_path / "document"
    end = time.monotonic() + SECONDS / len(KINDS)
    start = random.randrange(1 << 40) if SECONDS else 0
    seed, some = start, 0

    while seed < start + 60 or time.monotonic() < end:
        content = mutant(KINDS[kind], seed)
        path.write_bytes(content)
        document = Document(id="1", name="a.bin", path=path, size=len(content))
        reason = "a.bin: "
        try:
            some += opened(document) > 0
        except DocumentError as refusal:
            reason = str(refusal)
        except Exception as error:
            raise AssertionError(f"mutant {seed} of {kind}") from error
        assert reason.startswith("a.bin: "), seed
        seed += 1

    assert some

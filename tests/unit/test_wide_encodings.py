"""UTF-16 without a byte order mark, in scripts that no language model knows."""

import random

import pytest

from docprogress.steps.encodings.blocks import guess_by_blocks
from docprogress.steps.text import decode

TEXTS = {
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "Tamil": "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்; அவர்கள் சமமானவர்கள்.",
    "Georgian": "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა.",
    "Armenian": "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ",
    "Amharic": "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።",
}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", TEXTS)
def test_a_script_without_a_model_is_read_in_either_byte_order(language, encoding):
    for text in (TEXTS[language][:30], TEXTS[language], TEXTS[language] * 50):
        found = decode(text.encode(encoding))
        assert found is not None
        assert (found.text, found.encoding) == (text, encoding)


def test_random_bytes_are_no_text():
    numbers = random.Random(7)
    for length in (24, 60, 200, 2000):
        for _ in range(500):
            assert guess_by_blocks(numbers.randbytes(length)) is None


@pytest.mark.parametrize("period", [2, 4, 6, 8, 16, 64, 256])
def test_a_pattern_of_bytes_is_no_text(period):
    for first in range(0, 256, 5):
        pattern = bytes((first + n) % 256 for n in range(period))
        assert guess_by_blocks(pattern * (1024 // period)) is None

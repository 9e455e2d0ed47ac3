"""Pages as readers make them, with text and Markdown that differ as theirs do."""

from hypothesis import strategies as st

from docprogress.documents import PAGE_SEPARATOR, Chunk, Page
from docprogress.structure import escaped

_WORDS = [
    "rent",
    "Miete",
    "tenant",
    "a",
    "§ 5",
    "1.5",
    "*x*",
    "[n]",
    "家賃",
    "😀",
    "a_b",
    "<b>",
]
lines = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=40).map(" ".join)


def cell(text: str) -> str:
    return escaped(text).replace("|", "\\|")


@st.composite
def headings(draw):
    text = draw(lines)
    return text, f"{'#' * draw(st.integers(1, 4))} {escaped(text)}"


@st.composite
def paragraphs(draw):
    text = draw(lines)
    return text, escaped(text).replace(" ", draw(st.sampled_from(["  \n", " "])), 1)


@st.composite
def lists(draw):
    items = draw(st.lists(lines, min_size=1, max_size=8))
    bullet = draw(st.sampled_from(["• ", "", "\u2013 "]))
    return (
        "\n".join(bullet + item for item in items),
        "\n".join(f"- {escaped(item)}" for item in items),
    )


@st.composite
def code(draw):
    text = "\n".join(draw(st.lists(lines, min_size=1, max_size=10)))
    return text, f"```\n{text}\n```"


@st.composite
def tables(draw):
    width = draw(st.integers(1, 5))
    short = st.lists(st.sampled_from([*_WORDS, "", "x|y"]), max_size=3).map(" ".join)
    row = st.lists(short, min_size=width, max_size=width)
    rows = draw(st.lists(row, min_size=1, max_size=20))
    separator = draw(st.sampled_from(["\t", " | ", "\n"]))
    repeated = draw(st.booleans())
    marked = [f"| {' | '.join(map(cell, each))} |" for each in rows]
    marked.insert(1, "|" + " --- |" * width)
    text = "\n".join(separator.join(each) for each in rows[repeated:])
    return text, "\n".join(marked)


@st.composite
def marked_pages(draw):
    blocks = st.one_of(headings(), paragraphs(), lists(), code(), tables())
    pages = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        found = draw(st.lists(blocks, max_size=8))
        gap = draw(st.sampled_from(["\n", "\n\n"]))
        missing = draw(st.integers(0, 20))
        marked = [markdown for at, (_, markdown) in enumerate(found) if at != missing]
        text = gap.join(text for text, _ in found)
        pages.append(Page(number=number, text=text, markdown="\n\n".join(marked)))
    return pages


def check(pages: list[Page], chunks: list[Chunk], *, size=len, most: int) -> None:
    """What the chunks of any document must hold."""
    text = PAGE_SEPARATOR.join(page.text for page in pages)
    covered = 0
    for number, made in enumerate(chunks, 1):
        assert made.number == number
        assert made.start < made.end
        own = text[made.start : made.end]
        assert own.strip()
        assert made.text == own or (
            made.kind == "table" and made.text.endswith("\n" + own)
        )
        assert size(made.text) <= most or len(made.text) == 1
        assert not text[covered : made.start].strip(), "text is missing"
        covered = max(covered, made.end)
    assert not text[covered:].strip(), "the end is missing"

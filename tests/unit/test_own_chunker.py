"""A chunker of one's own takes the place of the built-in step, and is checked."""

import sys
import textwrap
from dataclasses import replace

import pytest

from docprogress.documents import Chunk, Page
from docprogress.errors import StepError
from docprogress.steps import plan, step
from docprogress.steps.output import OutputCheck

CHUNK = Chunk(number=1, text="a", start=0, end=1, first_page=1, last_page=1)

CODE = """
    from collections.abc import Iterable, Iterator
    from docprogress.documents import Chunk, Page

    def sections(pages: Iterable[Page]) -> Iterator[Chunk]:
        for page in pages:
            yield Chunk(
                number=page.number, text=page.text, start=0, end=len(page.text),
                first_page=page.number, last_page=page.number,
            )

    def clean(pages: Iterable[Page]) -> Iterator[Page]:
        yield from pages
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_chunker.py").write_text(textwrap.dedent(CODE))
    yield "own_chunker"
    sys.modules.pop("own_chunker", None)


def named(steps):
    return [(each.name, each.path.rpartition(".")[2]) for each in steps]


def test_a_chunker_replaces_the_chunking_step(module):
    steps = plan(chunker=f"{module}:sections")

    assert named(steps) == [
        ("extraction", "extract:extract"),
        ("chunking", "own_chunker:sections"),
        ("embedding", "embed:embed"),
    ]


def test_a_chunker_goes_with_other_steps(module):
    inserted = plan([f"{module}:clean"], chunker=f"{module}:sections")
    listed = plan(
        ["extraction", step("chunking", queue="gpu"), "embedding"],
        chunker=f"{module}:sections",
    )

    assert [name for name, _ in named(inserted)] == [
        "extraction",
        "clean",
        "chunking",
        "embedding",
    ]
    assert listed[1].path == "own_chunker:sections"
    assert (listed[1].name, listed[1].queue) == ("chunking", "gpu")


def test_a_chunker_that_makes_no_chunks_of_pages_is_refused(module):
    with pytest.raises(
        StepError, match=r"own_chunker:clean.*must make chunks of pages"
    ):
        plan(chunker=f"{module}:clean")
    with pytest.raises(StepError, match="no_such"):
        plan(chunker=f"{module}:no_such")
    with pytest.raises(StepError, match="replaces the step 'chunking'"):
        plan(["extraction"], chunker=f"{module}:sections")
    with pytest.raises(StepError, match="both make chunks of pages"):
        plan([step(f"{module}:sections", name="two")], chunker=f"{module}:sections")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"number": 0}, "number must be an integer above 0"),
        ({"number": "1"}, "number must be an integer above 0"),
        ({"text": None}, "text must be a string, not NoneType"),
        ({"start": 5}, "start and end must be integers in this order, not 5 and 1"),
        ({"end": 1.5}, "start and end must be integers"),
        ({"last_page": 0}, "first_page and last_page must be integers"),
        ({"kind": 3}, "kind must be a string, not int"),
        ({"headings": "Title"}, "headings must be a tuple of strings"),
        ({"headings": (None,)}, "headings must be a tuple of strings"),
    ],
)
def test_the_chunks_of_a_chunker_are_checked_and_named(module, changes, complaint):
    [_, chunking, _] = plan(chunker=f"{module}:sections")

    with pytest.raises(
        StepError, match=rf"'chunking': chunk .*{complaint}.*own_chunker"
    ):
        OutputCheck(chunking).check(replace(CHUNK, **changes))


def test_two_chunks_with_one_number_and_other_types_are_named(module):
    [_, chunking, _] = plan(chunker=f"{module}:sections")
    output = OutputCheck(chunking)
    output.check(CHUNK)

    with pytest.raises(StepError, match=r"chunk 1: another one has the same number"):
        output.check(CHUNK)
    with pytest.raises(
        StepError, match=r"must yield Chunk values, not str.*own_chunker"
    ):
        output.check("text")


def test_pages_of_custom_steps_are_checked(module):
    own = step(f"{module}:clean")

    with pytest.raises(StepError, match="page 1: its markdown must be a string"):
        OutputCheck(own).check(Page(number=1, text="a", markdown=5))
    OutputCheck(own).check(Page(number=1, text="a", markdown=None))

"""How steps are found, validated, ordered, and reloaded after changes."""

import importlib
import json
import os
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest

from docprogress.documents import Document, Page
from docprogress.errors import StepError
from docprogress.settings import load as load_settings
from docprogress.steps import Kind, Step, call, load, plan, step
from docprogress.steps.extract import extract

DOCUMENT = Document(id="d", name="a.txt", path=Path("a.txt"), size=1)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a module into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(code, name="my_steps.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code), "utf-8")
        return path

    return write


def run(made, items=(), **_):
    return list(call(made, items, document=DOCUMENT, settings=load_settings()))


def names(steps):
    return [each.name for each in steps]


def test_built_in_steps_are_the_default():
    steps = plan()

    assert names(steps) == ["extraction", "chunking", "embedding"]
    assert [each.weight for each in steps] == [6, 1, 3]
    assert plan([]) == steps
    for each in steps:
        assert callable(load(each))


def test_built_in_functions_are_the_built_in_steps():
    assert (
        step(extract) == step("extraction") == step("docprogress.steps.extract:extract")
    )


def test_step_travels_as_json():
    made = step("embedding", queue="gpu", weight=2, name="vectors")

    travelled = Step.from_dict(json.loads(json.dumps(made.to_dict())))

    assert travelled == made
    assert (made.queue, made.weight, made.name) == ("gpu", 2, "vectors")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": "x"},
        step("embedding").to_dict() | {"takes": "cakes"},
        step("embedding").to_dict() | {"more": 1},
    ],
)
def test_step_of_another_version_is_refused(fields):
    with pytest.raises(StepError, match="not a step that this version knows"):
        Step.from_dict(fields)


@pytest.mark.parametrize(
    "options",
    [
        {"weight": 0},
        {"weight": -1},
        {"weight": float("nan")},
        {"weight": float("inf")},
        {"name": ""},
        {"name": "a\nb"},
        {"name": "x" * 101},
        {"queue": ""},
        {"queue": "two words"},
    ],
)
def test_unusable_options_are_refused(options):
    with pytest.raises(StepError):
        step("embedding", **options)


@pytest.mark.parametrize(
    ("signature", "takes", "gives"),
    [
        ("(pages: Iterable[Page]) -> Iterator[Page]", "pages", "pages"),
        ("(them: list[Page]) -> list[Page]", "pages", "pages"),
        ("(them: 'Iterable[Page]') -> 'Iterator[Chunk]'", "pages", "chunks"),
        ("(it: Document) -> Iterable[Page]", "document", "pages"),
        ("(it: documents.Document) -> 'documents.Page'", "document", "pages"),
        ("(it: Document) -> Generator[Chunk, None, None]", "document", "chunks"),
        ("(them: Annotated[list[Chunk], 1])", "chunks", "chunks"),
        ("(them: 'Iterable[OnlyForTypes | Page]') -> 'list[Page]'", "pages", "pages"),
        ("(pages) -> Pieces", "pages", "chunks"),
        ("(document)", "document", "pages"),
        ("(pages)", "pages", "pages"),
        ("(chunks)", "chunks", "chunks"),
        ("(chunks: Iterable)", "chunks", "chunks"),
        ("(pages: Iterable[Any]) -> list[Chunk]", "pages", "chunks"),
        ("(pages, *, document, settings)", "pages", "pages"),
        ("(pages, extra=1, *more, **others)", "pages", "pages"),
    ],
)
@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_signature_says_what_a_step_takes_and_gives(
    write, signature, takes, gives, future
):
    write(
        future
        + "from collections.abc import Generator, Iterable, Iterator\n"
        + "from typing import Annotated, Any\n"
        + "from docprogress import Chunk, Document, Page, documents\n"
        + "class Pieces(Iterator[Chunk]): pass\n"
        + f"def work{signature}: return []\n"
    )

    made = step("my_steps:work")

    assert (made.takes, made.gives) == (Kind(takes), Kind(gives))
    assert made.name == "work"
    assert run(made) == []


@pytest.mark.parametrize(
    "signature",
    [
        "()",
        "(*, pages)",
        "(**pages)",
        "(things)",
        "(pages: list[str])",
        "(pages) -> None",
        "(pages) -> str",
        "(pages) -> Document",
        "(pages, needed)",
        "(pages, *, needed)",
        "(pages, document, /)",
    ],
)
def test_signature_that_does_not_say_is_refused_with_advice(write, signature):
    write(f"from docprogress import Document\ndef work{signature}: return []\n")

    with pytest.raises(StepError, match=r"work") as refused:
        step("my_steps:work")

    assert "`" in str(refused.value), "it does not say what to do"


@pytest.mark.parametrize("body", ["return pages", "yield pages"])
def test_asynchronous_step_is_refused(write, body):
    write(f"async def work(pages): {body}\n")

    with pytest.raises(StepError, match="asynchronous"):
        step("my_steps:work")


def test_step_may_be_an_object_or_a_method(write):
    write(
        """
        class Reader:
            def __call__(self, pages): return ["called"]
            def read(self, pages): return ["read"]
        reader = Reader()
        """
    )

    assert run(step("my_steps:reader")) == ["called"]
    assert run(step("my_steps:reader.read")) == ["read"]


def test_step_may_ask_for_the_document_and_the_settings(write):
    write(
        """
        def one(pages, document): yield document.name
        def two(pages, *, settings, document): yield document.name, settings.embedder
        def none(pages): yield len(pages)
        def document(document, settings): yield document.name
        """
    )

    assert run(step("my_steps:one")) == ["a.txt"]
    assert run(step("my_steps:two")) == [("a.txt", "hashing")]
    assert run(step("my_steps:none"), [1, 2]) == [2]
    assert run(step("my_steps:document"), DOCUMENT) == ["a.txt"]


@pytest.mark.parametrize("made", ["None", "7", "'text'", "b'bytes'"])
def test_step_that_gives_nothing_to_go_through_is_refused(write, made):
    write(f"def work(pages): return {made}\n")

    with pytest.raises(StepError, match="step 'work' must return or yield pages"):
        run(step("my_steps:work"))


def test_own_steps_go_where_they_belong(write):
    write(
        """
        from docprogress import Chunk, Page
        def clean(pages): return pages
        def tidy(pages): return pages
        def tag(chunks): return chunks
        def ocr(document): return []
        def cut(pages) -> list[Chunk]: return []
        def whole(document) -> list[Chunk]: return []
        """
    )

    def placed(*own):
        return names(plan(f"my_steps:{name}" for name in own))

    assert placed("tag", "clean", "tidy") == [
        "extraction", "clean", "tidy", "chunking", "tag", "embedding",
    ]  # fmt: skip
    assert placed("ocr") == ["ocr", "chunking", "embedding"]
    assert placed("cut", "clean") == ["extraction", "clean", "cut", "embedding"]
    assert placed("whole", "tag") == ["whole", "tag", "embedding"]
    assert names(plan("my_steps:ocr")) == ["ocr", "chunking", "embedding"]


def test_list_with_built_in_steps_is_taken_as_it_is(write):
    write("def clean(pages): return pages\n")

    assert names(plan(["extraction", "my_steps:clean"])) == ["extraction", "clean"]
    assert names(plan(["extraction", "chunking"])) == ["extraction", "chunking"]


def test_steps_that_do_not_connect_are_refused(write):
    write(
        """
        from docprogress import Chunk, Page
        def ocr(document): return []
        def scan(document): return []
        def clean(pages): return pages
        def whole(document) -> list[Chunk]: return []
        def back(chunks) -> list[Page]: return []
        """
    )

    for steps, reason in [
        (
            ["extraction", "embedding"],
            "'embedding' takes chunks, but step 'extraction'",
        ),
        (["chunking"], "'chunking' takes pages, but the run yields document"),
        (["extraction", "extraction"], "two steps are named 'extraction'"),
        (["my_steps:clean", step("my_steps:clean")], "two steps are named 'clean'"),
        (["my_steps:ocr", "my_steps:scan"], "both make pages of document"),
        (["my_steps:whole", "my_steps:clean"], "'clean' takes pages"),
        (["my_steps:back"], "takes pages|takes chunks"),
    ]:
        with pytest.raises(StepError, match=reason):
            plan(steps)


def test_steps_with_one_name_can_be_renamed(write):
    write("def clean(pages): return pages\n")

    steps = plan(["my_steps:clean", step("my_steps:clean", name="again")])

    assert names(steps)[1:3] == ["clean", "again"]


@pytest.mark.parametrize(
    ("what", "advice"),
    [
        ("extracton", "did you mean 'extraction'"),
        ("my_steps", "'module:function'"),
        ("my_steps.clean", "'module:function'"),
        ("my_steps:", "'module:function'"),
        (":clean", "'module:function'"),
        ("my steps:clean", "'module:function'"),
        ("../my_steps:clean", "'module:function'"),
        ("", "'module:function'"),
        ("my_nothing:clean", "no module 'my_nothing', neither in"),
        ("my_nothing.deeper:clean", "no module 'my_nothing"),
        ("my_steps.deeper:clean", "no module 'my_steps.deeper'"),
        ("my_steps:claen", "did you mean 'clean'"),
        ("my_steps:clean.deeper", "has no 'clean.deeper'"),
        ("my_steps:NUMBER", "is int, not a function"),
        (7, "'module:function'"),
        (None, "'module:function'"),
        (partial(print), "'module:function'"),
    ],
)
def test_invalid_steps_are_refused_with_advice(write, what, advice):
    write("NUMBER = 7\ndef clean(pages): return pages\n")

    with pytest.raises(StepError, match=advice):
        step(what)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import my_missing_library", "No module named 'my_missing_library'"),
        ("def broken(:", "SyntaxError"),
        ("import sys; sys.exit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", None),
    ],
)
def test_module_that_cannot_be_imported_is_refused_with_the_cause(write, code, cause):
    write(code)

    if cause is None:
        with pytest.raises(KeyboardInterrupt):
            step("my_steps:work")
    else:
        with pytest.raises(StepError, match=f"importing 'my_steps' failed: .*{cause}"):
            step("my_steps:work")
    assert "my_steps" not in sys.modules


def test_functions_without_an_address_are_refused_with_the_remedy(monkeypatch):
    def nested(pages):
        return pages

    def in_notebook(pages):
        return pages

    monkeypatch.setattr(in_notebook, "__module__", "__main__")
    monkeypatch.setattr(in_notebook, "__qualname__", "in_notebook")

    for function in (nested, in_notebook, lambda pages: pages):
        with pytest.raises(StepError, match=r"%%writefile my_steps\.py"):
            step(function)


def test_function_is_named_by_its_address(write):
    write("def clean(pages): return pages\n")
    sys.path.insert(0, os.curdir)
    importlib.invalidate_caches()
    module = importlib.import_module("my_steps")

    made = step(module.clean)

    assert made.path == "my_steps:clean"
    assert made == step("my_steps:clean")


def test_function_that_hides_behind_another_name_is_refused(write):
    write("def clean(pages): return pages\nclean.__qualname__ = 'elsewhere'\n")

    with pytest.raises(StepError, match="cannot be found as 'my_steps:elsewhere'"):
        step(load(step("my_steps:clean")))


def test_changed_module_is_run_as_it_is_now(write):
    write("def work(pages): return ['old']\n")
    made = step("my_steps:work")
    assert run(made) == ["old"]

    # The same length within the same second: Python's own cache would not notice.
    write("def work(pages): return ['new']\n")
    assert run(made) == ["new"]

    write("def other(pages): return []\n")
    with pytest.raises(StepError, match="has no 'work'"):
        load(made)

    write("def work(pages: return []\n")
    with pytest.raises(StepError, match="SyntaxError"):
        load(made)

    write("def work(pages): return ['mended']\n")
    assert run(made) == ["mended"]


def test_unchanged_module_is_run_once(write):
    write("import random\nCHANCE = random.random()\ndef work(pages): return [CHANCE]\n")
    made = step("my_steps:work")

    assert run(made) == run(made)


def test_deleted_module_is_missed(write):
    path = write("def work(pages): return []\n")
    made = step("my_steps:work")
    path.unlink()

    with pytest.raises(StepError, match="no module 'my_steps'"):
        load(made)


def test_module_of_a_package_is_reloaded_alone(write):
    write("import random\nCHANCE = random.random()\n", "my_package/__init__.py")
    write(
        "from my_package import CHANCE\ndef work(pages): return [1, CHANCE]\n",
        "my_package/inner.py",
    )
    made = step("my_package.inner:work")
    [first, chance] = run(made)

    write(
        "from my_package import CHANCE\ndef work(pages): return [2, CHANCE]\n",
        "my_package/inner.py",
    )

    assert first == 1
    assert run(made) == [2, chance]


def test_installed_modules_are_never_reloaded():
    before = sys.modules["docprogress.steps.extract"], sys.modules["json"]

    load(step("extraction"))
    with pytest.raises(StepError):
        step("json:loads")

    assert (sys.modules["docprogress.steps.extract"], sys.modules["json"]) == before


def test_worker_elsewhere_finds_the_module_by_its_folder(write, tmp_path):
    write("import my_sibling\ndef work(pages): return [my_sibling.NAME]\n")
    write("NAME = 'sibling'\n", "my_sibling.py")
    made = step("my_steps:work")
    assert made.folder == str(tmp_path)

    program = textwrap.dedent(
        """
        import json, sys
        from docprogress.steps import Step, load
        print(load(Step.from_dict(json.loads(sys.argv[1])))([]))
        """
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program, json.dumps(made.to_dict())],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.stdout == "['sibling']\n", ran.stderr


def test_modules_with_one_name_in_two_folders_are_distinct(write, tmp_path):
    made = {}
    for folder in ("one", "two"):
        write(
            f"import my_part\ndef work(pages): return ['{folder}', my_part.NAME]\n",
            f"{folder}/my_steps.py",
        )
        write(f"NAME = 'part of {folder}'\n", f"{folder}/my_part.py")
        made[folder] = Step(
            name="work",
            path="my_steps:work",
            takes=Kind.PAGES,
            gives=Kind.PAGES,
            folder=str(tmp_path / folder),
        )

    for folder in ("one", "two", "one"):
        assert run(made[folder]) == [folder, f"part of {folder}"]


def test_folder_shadows_nothing_that_is_installed(write, tmp_path):
    write("raise AssertionError('this is not the real one')\n", "csv.py")
    write("import csv\ndef work(pages): return [csv.__file__]\n")
    made = step("my_steps:work")

    [file] = run(made)

    assert not file.startswith(str(tmp_path))


def test_steps_import_nothing_heavy():
    program = (
        "import sys, docprogress.steps\n"
        "heavy = {'pypdf', 'pypdfium2', 'mmh3', 'numpy', 'httpx', 'celery'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "[]\n"


def test_pages_go_through_a_custom_step(write):
    write(
        """
        from collections.abc import Iterable, Iterator
        from dataclasses import replace
        from docprogress import Page

        def shout(pages: Iterable[Page]) -> Iterator[Page]:
            for page in pages:
                yield replace(page, text=page.text.upper())
        """
    )

    assert run(step("my_steps:shout"), [Page(number=1, text="quiet")]) == [
        Page(number=1, text="QUIET")
    ]

"""The documentation builds without warnings and agrees with the code."""

import html
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer
from playwright.sync_api import Browser, expect
from support.lab import SCREENSHOTS
from support.patience import patient

import docprogress
from docprogress import errors
from docprogress.cli.app import app
from docprogress.server import ServerOptions

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

if "CI" not in os.environ:
    # Its requirements are a dependency group of their own.
    pytest.importorskip("myst_nb", reason="the documentation's tools are not there")

#: Where nothing listens: whoever asks there for anything is refused.
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as it is published."""
    site = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-E"),
            *("-d", tmp_path_factory.mktemp("doctrees")),
            *("-c", ROOT / "notebooks" / "docs", ROOT / "notebooks", site),
        ],
        env=os.environ | {"http_proxy": NOBODY, "https_proxy": NOBODY},
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(170),
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return site


class Links(HTMLParser):
    """What a page leads to, and what can be led to in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.names: set[str] = set()
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.append(value)
            if name == "id" and value:
                self.names.add(value)


#: All that the project links to elsewhere: places that exist, and are not ours.
EXTERNAL = {
    "https://doi.org/10.1145/1476589.1476628",
    "https://github.com/pgvector/pgvector",
    "https://keepachangelog.com/en/1.1.0/",
    "https://lancedb.com",
    "https://qdrant.tech",
    "https://semver.org/spec/v2.0.0.html",
    "https://www.nngroup.com/articles/response-times-3-important-limits/",
    "https://www.rfc-editor.org/rfc/rfc5905#section-8",
}


def text(page: Path) -> str:
    """What stands on a page."""
    article = page.read_text("utf-8").partition("<article")[2].partition("</article")[0]
    return html.unescape(re.sub(r"<[^>]+>", "", article))


def broken(pages: dict[Path, Links]) -> Iterator[str]:
    for page, links in pages.items():
        for target in links.targets:
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            place = (page.parent / unquote(url.path)).resolve() if url.path else page
            if not place.is_file():
                yield f"{page.name}: {target}"
            elif url.fragment and place in pages:
                found = unquote(url.fragment) in pages[place].names
                yield from () if found else (f"{page.name}: {target}",)


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere(site):
    pages = {page: Links(page) for page in site.resolve().rglob("*.html")}

    assert len(pages) > len(NOTEBOOKS)
    assert list(broken(pages)) == []


@pytest.mark.slow
def test_nothing_on_the_site_is_fetched_from_elsewhere(site):
    fetched = [
        address
        for page in site.rglob("*.html")
        for address in re.findall(
            r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=["'](.+?)["']""",
            page.read_text("utf-8"),
        )
        if urlsplit(address).netloc
    ]

    assert fetched == []


@pytest.mark.slow
def test_every_notebook_is_a_page_with_its_results(site):
    for notebook in NOTEBOOKS:
        documented = text(site / f"{notebook.stem}.html")
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        printed = [
            line
            for cell in cells
            for output in cell.get("outputs", [])
            for line in output.get("text", [])
        ]
        heading = next(
            "".join(cell["source"]).splitlines()[0].removeprefix("# ")
            for cell in cells
            if cell["cell_type"] == "markdown"
        )
        assert documented.partition(">")[2].strip().startswith(heading)
        assert [line for line in printed if line.strip() not in documented] == []


@pytest.mark.slow
def test_everything_that_is_exported_is_documented(site):
    documented = Links(site / "docs" / "api.html").names

    exported = {f"docprogress.{name}" for name in docprogress.__all__}
    # Errors are where they are defined, in their tree.
    raised = {f"docprogress.{name}" for name in vars(errors)}
    assert exported - raised - documented == set()
    assert {
        f"docprogress.errors.{name}"
        for name, value in vars(errors).items()
        if isinstance(value, type)
    } <= documented


@pytest.mark.slow
def test_every_command_is_documented_with_its_options(site):
    documented = text(site / "docs" / "command-line.html").replace(
        "\N{RIGHT SINGLE QUOTATION MARK}", "'"
    )
    _, *parts = re.split(
        r"^docprogress (\S+).*\[OPTION…\]$", documented, flags=re.MULTILINE
    )
    sections = dict(zip(parts[::2], parts[1::2], strict=True))

    commands = typer.main.get_command(app).commands
    assert sections.keys() == commands.keys()
    for name, command in commands.items():
        for param in command.params:
            assert param.help.replace("`", "") in sections[name]
            assert (param.metavar or param.opts[-1]) in sections[name]


@pytest.mark.slow
def test_every_setting_is_documented_with_what_it_means(site):
    documented = text(site / "docs" / "settings.html")
    server_page = text(site / "docs" / "http.html")

    for name in docprogress.Settings.model_fields:
        assert re.search(rf"^{name}\n.*\n.{{8,}}$", documented, re.MULTILINE), name
    for name in ServerOptions.model_fields:
        assert re.search(rf"^{name}\n.*\n.{{8,}}$", server_page, re.MULTILINE), name


def test_every_link_of_the_readme_leads_to_a_file():
    readme = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)|(?:src|srcset)=\"(.+?)\"", readme)
    paths = [path for pair in links for path in pair if path]

    # The package may be installed, and its source be gone.
    places = (ROOT, Path(docprogress.__file__).parent.parent)
    assert paths
    assert [
        path
        for path in paths
        if not urlsplit(path).scheme
        and not any((place / path).exists() for place in places)
    ] == []


def test_links_to_other_sites_are_known_and_the_project_claims_no_site_of_its_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pages = [*ROOT.glob("*.md"), *ROOT.glob("notebooks/**/*.md"), *NOTEBOOKS]
    found = {
        link
        for page in pages
        for link in re.findall(r"\]\((https?://[^)\s]+)\)", page.read_text("utf-8"))
    }

    assert found == EXTERNAL
    # Until there is a public repository.
    assert "urls" not in project


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_the_site_follows_the_colour_scheme_of_the_system(
    site, browser: Browser, scheme
):
    with browser.new_context(
        viewport={"width": 1300, "height": 900}, color_scheme=scheme, offline=True
    ) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        SCREENSHOTS.mkdir(exist_ok=True)
        for name in ("index", "quickstart", "docs/api", "docs/settings"):
            page.goto((site / f"{name}.html").as_uri())
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            page.screenshot(
                path=SCREENSHOTS / f"docs-{name.replace('/', '-')}-{scheme}.png"
            )
            # Nothing is wider than the page.
            assert page.evaluate(
                "document.documentElement.scrollWidth <= window.innerWidth"
            )
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        darkness = max(map(int, re.findall(r"\d+", background)[:3]))
        assert (darkness < 64) == (scheme == "dark")
        assert complaints == []

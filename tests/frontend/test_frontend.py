"""The JavaScript: types, bundles, unit tests, and its views in a real browser."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from support.gallery import Gallery, serving_gallery
from support.page_states import STATES as PAGE_STATES
from support.patience import patient
from support.services import eventually

import docprogress

ROOT = Path(__file__).parents[2]
PACKAGE = Path(docprogress.__file__).parent
FRONTEND = PACKAGE / "frontend"
HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"

#: Where pictures are kept for whoever looks at a test run; not in the repository.
SCREENSHOTS = Path(__file__).parents[1] / "screenshots"

#: What a view is part of: outside Jupyter, and inside it.
THEMES = [
    ("light", ""),
    pytest.param("dark", "", marks=pytest.mark.slow),
    pytest.param("light", "jupyter-dark", marks=pytest.mark.slow),
    pytest.param("dark", "jupyter-light", marks=pytest.mark.slow),
    pytest.param("light", "jupyter-contrast", marks=pytest.mark.slow),
]


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the packages that the tests of the JavaScript need."""
    executable = shutil.which("node")
    reason = None
    if not (ROOT / "docprogress").is_dir():
        pytest.skip("the sources are not here: it is the wheel that is tested")
    if executable is None:
        reason = "there is no Node on this machine"
    elif not all((PACKAGES / name).is_dir() for name in ("typescript", "esbuild")):
        reason = "its packages are not installed: run `npm ci` in tests/frontend"
    if executable is None or reason:
        if "CI" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    return executable


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the gallery is served."""
    with serving_gallery() as address:
        yield address


@pytest.fixture
def gallery(browser: Browser, address: str) -> Iterator[Gallery]:
    """The gallery, in pages that close after the test and report no error."""
    with Gallery(browser, address) as gallery:
        yield gallery
    assert gallery.complaints == []


def run(*command: str) -> None:
    """Run a command in the folder of the JavaScript's tests; it has to succeed."""
    done = subprocess.run(
        command,
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(150),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def keep_picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def rows(page: Page) -> list[str]:
    """The states of the rows that are drawn, from top to bottom."""
    return page.locator(".dp-row").evaluate_all(
        """rows => rows
            .sort((one, other) => one.ariaRowIndex - other.ariaRowIndex)
            .map(row => row.dataset.state)"""
    )


@pytest.mark.slow
def test_the_javascript_type_checks(node):
    run(node, str(PACKAGES / "typescript" / "bin" / "tsc"), "--project", ".")


def test_bundles_are_those_that_the_sources_build(node):
    run(node, "build.js", "--check")


def test_the_javascript_passes_its_own_tests(node):
    run(node, "--test")


@pytest.mark.parametrize(
    "way", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
)
def test_no_text_becomes_markup_or_code(way):
    found = [path.name for path in FRONTEND.rglob("*.js") if way in path.read_text()]

    assert found == []


@pytest.mark.parametrize("name", ["progress-view.js", "uploader.js"])
def test_module_that_is_loaded_from_a_blob_imports_nothing(name):
    source = (FRONTEND / "dist" / name).read_text("utf-8")

    assert (
        re.findall(r"^\s*import\b.*|\bimport\(\s*[\"'`.]", source, re.MULTILINE) == []
    )


def test_the_lock_names_no_package_registry():
    lock = (HERE / "package-lock.json").read_text("utf-8")

    assert "resolved" not in lock


@pytest.mark.parametrize(("scheme", "theme"), THEMES)
def test_the_gallery_has_no_accessibility_violation(node, gallery, scheme, theme):
    page = gallery.open(scheme=scheme, theme=theme, trusted=True)
    for name in ("10 running", "hostile"):
        view = page.locator(f'[data-scene="{name}"]')
        view.locator(".dp-row").first.click()
        view.locator(".dp-panel tbody tr").first.wait_for()
    keep_picture(page, f"gallery-{theme or scheme}")
    page.add_script_tag(path=PACKAGES / "axe-core" / "axe.min.js")

    found = page.evaluate(
        """async () => {
            const {violations} = await axe.run(document.querySelector("main"));
            return violations.map(({id, nodes}) =>
                `${id}: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`);
        }"""
    )

    assert found == []


def test_every_rule_is_under_the_view_s_own_class(gallery):
    page = gallery.open("1 running")

    selectors = page.evaluate(
        """() => {
            const sheets = [...document.styleSheets]
                .filter(({href}) => href.endsWith("progress-view.css"));
            const every = rules => [...rules].flatMap(rule =>
                rule.selectorText ?? every(rule.cssRules));
            return sheets.flatMap(({cssRules}) => every(cssRules));
        }"""
    )

    assert len(selectors) > 100
    each = [part.strip() for text in selectors for part in split(text)]
    assert [part for part in each if not part.startswith(".docprogress")] == []


def test_no_other_style_sheet_knows_the_view_s_classes(gallery):
    page = gallery.open()

    names = page.evaluate(
        """() => [...document.querySelectorAll(".docprogress *")]
            .flatMap(element => [...element.classList])"""
    )

    assert {name for name in names if not name.startswith("dp-")} == set()


def split(selectors: str) -> list[str]:
    """The selectors of a list, whose own lists in brackets stay whole."""
    return re.split(r",(?![^()]*\))", re.sub(r"\([^()]*\)", "", selectors))


@pytest.mark.parametrize(
    "width", [320, pytest.param(632, marks=pytest.mark.slow), 1400]
)
def test_everything_stays_within_the_column_that_it_is_given(gallery, width):
    page = gallery.open(width=width)
    for name in ("10 running", "hostile"):
        view = page.locator(f'[data-scene="{name}"]')
        view.locator(".dp-row").first.click()
        view.locator(".dp-panel tbody tr").first.wait_for()

    keep_picture(page, f"gallery-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".docprogress")].flatMap(view => {
            const {left, right} = view.getBoundingClientRect();
            const clipped = ".dp-history, .dp-scale, .dp-rates > *, .dp-fill, .dp-name > span, .dp-hidden-text";
            return [...view.querySelectorAll("*")]
                .filter(element => !element.closest(clipped))
                .map(element => {
                    // The border and the padding; a chip's own comes on top.
                    const inner = element.closest(".dp-header > *") ? 13 : 0;
                    const box = element.getBoundingClientRect();
                    const out = box.left < left + inner / 2 || box.right > right - inner;
                    return box.width && out ? element.className : null;
                })
                .filter(Boolean);
        })"""
    )
    assert outside == []
    heights = page.locator(".dp-row").evaluate_all(
        "rows => rows.map(row => row.offsetHeight)"
    )
    # Rows are placed by multiplication.
    assert set(heights) == {28 if width > 720 else 48}


@pytest.mark.parametrize("width", [390, 800, 1232])
def test_each_cell_is_read_under_the_header_of_its_column(gallery, width):
    page = gallery.open("10 running", width=width)

    headers, cells = page.evaluate(
        """() => {
            const shown = role => [...document.querySelectorAll(`[role=${role}]`)]
                .filter(each => each.checkVisibility())
                .map(each => [Number(each.ariaColIndex), each.className || each.textContent]);
            return [shown("columnheader"), shown("gridcell")];
        }"""
    )

    columns = [column for column, _ in headers]
    assert columns == sorted(set(columns))
    assert {column for column, _ in cells} == set(columns)
    [message] = {column for column, name in cells if name == "dp-message"}
    assert dict(headers)[message] == "dp-head dp-head-message"
    # What is not displayed is not in the tree either.
    assert len(tree(page, "columnheader")) == len(columns)
    assert len(tree(page, "gridcell")) == len(cells)


def test_the_accessibility_tree_says_whose_details_are_open(gallery):
    page = gallery.open("10 running")
    assert {node["expanded"] for node in tree(page, "gridcell", "expanded")} == {False}

    page.locator(".dp-row", has_text="terms.html").click()
    page.locator(".dp-panel tbody tr").first.wait_for()

    opened = [node for node in tree(page, "gridcell", "expanded") if node["expanded"]]
    assert [node["name"] for node in opened] == ["terms.html"]
    names = [node["name"] for node in tree(page, "row")]
    position = next(n for n, name in enumerate(names) if "terms.html" in name)
    # The details are read after their document, wherever rows were drawn first.
    assert names[position + 1] == "details of terms.html"
    assert "handbook.md" in names[position + 2]


def test_the_accessibility_tree_says_what_is_sorted_and_selected(gallery):
    page = gallery.open("1000 running")
    page.get_by_role("columnheader", name="Document").click()
    page.wait_for_selector("[aria-sort=ascending]")
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.locator(".dp-row[aria-selected=true]").wait_for()

    page.locator(".dp-grid").evaluate("grid => grid.scrollTo(0, 3000)")
    page.wait_for_selector('.dp-row[aria-rowindex="70"]')
    [grid] = tree(page, "grid")
    assert grid["multiselectable"]
    labels = [node["name"] for node in tree(page, "row")][1:]
    names = [label.split(" ", 1)[1] for label in labels]
    assert names == sorted(names, key=names.index)
    # Rows are read from top to bottom although they are drawn again and again.
    order = page.locator(".dp-rows").evaluate(
        """body => body.getAttribute("aria-owns").split(" ")
            .map(id => Number(document.getElementById(id).ariaRowIndex))"""
    )
    assert order == sorted(order)
    assert len(order) == len(labels)


def tree(page: Page, role: str, *properties: str) -> list[dict[str, Any]]:
    """The nodes of a role in the browser's accessibility tree that have properties."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Accessibility.enable")
    found = []
    for node in devtools.send("Accessibility.getFullAXTree")["nodes"]:
        if node["ignored"] or node["role"]["value"] != role:
            continue
        known = {each["name"]: each["value"]["value"] for each in node["properties"]}
        if known.keys() >= set(properties):
            found.append({**known, "name": node["name"]["value"]})
    devtools.detach()
    return found


@pytest.mark.parametrize("scene", ["10 running", "10 stalled"])
@pytest.mark.parametrize("width", [390, 632, 1232])
def test_reasons_and_names_are_whole_where_there_is_room(gallery, width, scene):
    page = gallery.open(scene, width=width)

    cut = page.locator(".dp-row .dp-message-text").evaluate_all(
        "texts => texts.filter(each => each.scrollWidth > each.clientWidth).length"
    )
    assert cut == 0
    assert page.get_by_text(re.compile("^The PDF is encr|^Stalled")).first.is_visible()
    if width > 390:
        cut = page.locator(".dp-row .dp-name > span").evaluate_all(
            "parts => parts.filter(each => each.scrollWidth > each.clientWidth).length"
        )
        assert cut == 0


@pytest.mark.parametrize("width", [390, 632, 1232])
def test_no_row_moves_when_something_is_selected_or_goes_wrong(gallery, width):
    page = gallery.open("10 running", width=width)
    row = page.locator(".dp-row").first
    before = row.bounding_box()

    page.get_by_role("checkbox", name="Select ").nth(1).click()
    page.get_by_role("button", name="Clear selection").wait_for()
    assert row.bounding_box() == before
    if width > 390:
        page.evaluate("gallery.views[0].disconnect()")
        page.locator(".dp-problem").wait_for()
        assert row.bounding_box() == before
    page.evaluate("setInterval(() => gallery.views[0].beat(), 100)")
    page.locator(".dp-problem").wait_for(state="hidden")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.locator(".dp-notice").wait_for()
    assert row.bounding_box() == before


def test_the_page_says_what_it_waits_for_and_what_is_wrong(browser):
    for state, said in {
        "page: loading": "Loading documents …",
        "page: server gone": "The server cannot be reached; trying again",
        "page: access denied": "The ticket does not cover this",
        "page: waiting": "waiting for a worker; none is running",
        "page: connection lost": "the server cannot be reached; trying again",
    }.items():
        page = PAGE_STATES[state](browser)
        page.get_by_text(said).locator("visible=true").first.wait_for()
        assert page.locator("#problem").is_hidden() == (
            "lost" in state or "ing" in state
        )
        page.unroute_all(behavior="ignoreErrors")
        page.close()


def test_a_line_of_rows_is_aligned(gallery):
    page = gallery.open("10 running", width=1232)

    columns = page.locator(".dp-row").evaluate_all(
        """rows => rows.map(row => [...row.children]
            .map(cell => Math.round(cell.getBoundingClientRect().left)).join(" "))"""
    )

    assert len(set(columns)) == 1


def test_ten_thousand_documents_are_scrolled_with_a_few_rows(gallery):
    page = gallery.open("10000 running")
    grid = page.locator(".dp-grid")

    grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    page.wait_for_selector('.dp-row[aria-rowindex="10001"]')

    assert page.locator(".dp-row").count() < 30
    assert rows(page)[-1] == "completed"


def test_changes_that_are_not_visible_touch_no_row(gallery):
    page = gallery.open("10000 running")

    touched = page.evaluate(
        """async () => {
            const {createProgressView, scenes} = window.gallery;
            const place = document.querySelector("main")
                .appendChild(document.createElement("div"));
            const {summary, rows} = scenes["10000 running"];
            // The times of running documents are visible, and change each second.
            const now = performance.now();
            performance.now = () => now;
            const view = createProgressView(place);
            const frame = () => new Promise(requestAnimationFrame);
            view.replace({summary, rows});
            await frame();
            await frame();
            let touched = 0;
            const observer = new MutationObserver(list => { touched += list.length; });
            const everything = {subtree: true, childList: true, attributes: true,
                characterData: true};
            observer.observe(place.querySelector(".dp-rows"), everything);
            for (let turn = 0; turn < 10; turn += 1) {
                const changes = rows.slice(4000, 5000).map(({index}) =>
                    ({index, message: `turn ${turn}`, progress: turn}));
                view.update({summary, rows: changes});
                await frame();
            }
            await frame();
            observer.disconnect();
            const shown = place.querySelectorAll("*").length;
            view.close();
            return [touched, shown];
        }"""
    )

    assert touched[0] == 0
    assert touched[1] < 700


def test_keys_alone_reach_everything(gallery):
    page = gallery.open("10 running")
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => document.activeElement.getAttribute("aria-label")
                    ?? document.activeElement.textContent"""
            )
        )
        if reached[-1] == "Documents":
            break
    assert reached == [
        "Retry 1 failed",
        "Cancel",
        "10all",
        "1failed",
        "1stalled",
        "3processing",
        "3queued",
        "3completed",
        "Search names, messages and errors",
        "CSV",
        "Keys",
        "Documents",
    ]

    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator(".dp-panel tbody tr").first.wait_for()
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => document.activeElement.getAttribute("aria-label")
                    ?? document.activeElement.textContent"""
            )
        )
    assert reached == ["Retry", "Close the details", "error", "Copy", "history"]

    page.keyboard.press("Escape")
    page.locator(".dp-panel").wait_for(state="hidden")
    assert page.evaluate("document.activeElement.role") == "grid"


def test_a_key_on_a_button_does_what_a_click_does(gallery):
    page = gallery.open("10 running")

    page.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Retry 1 failed").focus()
    page.keyboard.press("Space")

    assert page.evaluate("gallery.asked") == [
        {"action": "cancel", "ids": None},
        {"action": "retry", "ids": None},
    ]


def test_the_focus_stays_in_the_view_when_a_button_goes(gallery):
    page = gallery.open("10 running")
    page.get_by_role("button", name="Cancel").focus()

    page.evaluate("gallery.views[0].replace(gallery.scenes['10 finished'])")
    page.get_by_role("button", name="Cancel").wait_for(state="hidden")

    inside = "document.querySelector('.docprogress').contains(document.activeElement)"
    assert page.evaluate(inside)


def test_the_whole_error_can_be_copied(gallery, browser):
    page = gallery.open("10 running")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".dp-row").first.click()

    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert (
        copied == "minutes of the board.docx: the PDF is encrypted and needs a password"
    )


def test_texts_have_three_sizes_and_numbers_one_width(gallery):
    page = gallery.open("10 running", "1 failed", "1000 running", "hostile")
    page.locator(".dp-row").first.click()
    page.locator(".dp-panel tbody tr").first.wait_for()
    page.get_by_role("button", name="Keys").first.click()

    sizes, numbers = page.evaluate(
        """() => {
            const styles = [...document.querySelectorAll(".docprogress *")]
                .filter(each => each.checkVisibility() && each.textContent)
                .map(each => getComputedStyle(each));
            return [styles.map(each => each.fontSize),
                styles.filter(each => !each.fontFamily.includes("mono"))
                    .map(each => each.fontVariantNumeric)];
        }"""
    )

    assert set(sizes) == {"12px", "13px", "16px"}
    assert set(numbers) == {"tabular-nums"}


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_with_reduced_motion(gallery, motion):
    page = gallery.open("10 running", motion=motion)

    moving = page.evaluate(
        """() => [...document.querySelectorAll(".docprogress *")].filter(element => {
            const {transitionDuration, animationName} = getComputedStyle(element);
            return transitionDuration !== "0s" || animationName !== "none";
        }).length"""
    )

    assert (moving == 0) == (motion == "reduce")


def test_views_that_are_closed_leave_no_node_and_no_listener(gallery):
    page = gallery.open("10 running")
    devtools = page.context.new_cdp_session(page)
    open_and_close = """async times => {
        const {createProgressView, scenes} = window.gallery;
        const main = document.querySelector("main");
        for (let turn = 0; turn < times; turn += 1) {
            const place = main.appendChild(document.createElement("div"));
            const view = createProgressView(place, {onAction: () => 1});
            view.replace(scenes["1000 running"]);
            await new Promise(requestAnimationFrame);
            place.querySelector(".dp-row").click();
            await new Promise(requestAnimationFrame);
            view.close();
            place.remove();
        }
    }"""

    def left() -> tuple[int, int]:
        devtools.send("HeapProfiler.collectGarbage")
        counters = devtools.send("Memory.getDOMCounters")
        return counters["nodes"], counters["jsEventListeners"]

    # The first one loads what stays: shapes of objects, compiled code.
    page.evaluate(open_and_close, 2)
    before = left()
    times = 50
    page.evaluate(open_and_close, times)

    # The view beside them goes on drawing, so a few come and go at any time.
    eventually(
        lambda: all(
            now - then < times / 2 for now, then in zip(left(), before, strict=True)
        )
    )

"""A latency measurement in JupyterLab, timed by the clock of the page."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.lab import Window
from support.patience import patient

START = """
from docprogress import Pipeline
from docprogress.latency import measure
pipeline = Pipeline(home={home!r}, workers=2)
"""

#: Few documents, so that all of them are in sight.
MEASURE = """
measured = measure(
    pipeline, documents=8, events_per_second=40, seconds=2, clients=2, page_seconds=60
)
measured.plot()
"""

TELL = """
import json
frame, summary = measured.to_frame(), measured.summary()
print(json.dumps({
    "missing": dict(measured.missing),
    "measured": summary.measured.to_dict(),
    "expected": summary.expected.to_dict(),
    "least": frame.groupby("stage", observed=True).latency_ms.min().to_dict(),
    "uncertainty": measured.offset.uncertainty,
    "left": [key.decode() for key in pipeline.bus.redis.keys("*latency-*")],
}))
"""


@pytest.mark.slow
def test_the_page_says_when_it_has_painted_what(window: Window, shared_home: Path):
    notebook = window.new(START.format(home=str(shared_home)), MEASURE, TELL)
    notebook.run(0)
    notebook.run(1, wait=False)
    view = notebook.view(1)
    expect(view).to_contain_text("measured-0001")
    notebook.screenshot("latency-measuring")

    expect(notebook.output(1).locator("img")).to_be_visible(timeout=patient(90) * 1000)
    # Nothing of the documents stays where they were shown.
    expect(view).to_have_count(0)
    expect(notebook.output(1).get_by_text("measured-0001")).to_have_count(0)
    notebook.run(2)
    measured = json.loads(notebook.text(2))
    notebook.screenshot("latency-measured")

    assert measured["missing"] == {}
    assert measured["measured"] == measured["expected"]
    assert set(measured["expected"].items()) == {
        ("publish → Redis", 80),
        ("Redis → kernel", 80),
        ("publish → kernel", 80),
        ("kernel → painted", 80),
        ("publish → painted", 80),
        ("publish → SSE client", 160),
    }
    # Nothing is painted before it was published, but for what is not known of clocks.
    uncertainty = 1000 * measured["uncertainty"]
    assert uncertainty > 0
    assert all(least > -uncertainty for least in measured["least"].values()), measured
    assert measured["left"] == []
    assert notebook.errors == []

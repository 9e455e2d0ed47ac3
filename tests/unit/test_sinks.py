"""Where sinks are, what of them is shown, and which are refused."""

import pytest
from sqlalchemy import text

from docprogress import Pipeline
from docprogress.errors import SettingsError, StepError
from docprogress.settings import load
from docprogress.sinks.location import locate, with_secrets
from docprogress.sinks.rows import json_value
from docprogress.steps import plan, step
from docprogress.store import Store

SECRET = "hunter2-of-the-sink"


@pytest.mark.parametrize(
    ("url", "public"),
    [
        (f"pgvector://me:{SECRET}@h/d?table=mine.t", "pgvector://me@h/d?table=mine.t"),
        (
            f"pgvector://h/d?password={SECRET}&sslmode=require",
            "pgvector://h/d?sslmode=require",
        ),
        (f"pgvector://me@h/d?sslpassword={SECRET}", "pgvector://me@h/d"),
        (f"qdrant+https://h/c?api_key={SECRET}", "qdrant+https://h/c"),
        (f"qdrant+http://me:{SECRET}@h:6333/c", "qdrant+http://me@h:6333/c"),
    ],
)
def test_the_stored_location_of_a_sink_has_no_secret(url, public):
    location = locate(url)

    assert location.public == public
    assert SECRET not in repr(location)
    assert locate(public).public == public
    assert with_secrets(public, folder=None, known=[None, url]).url == location.url
    other = f"pgvector://me:{SECRET}@elsewhere/d"
    assert with_secrets(public, folder=None, known=[other]).url == public


@pytest.mark.parametrize(
    "sink",
    [
        f"mysql://{SECRET}",
        SECRET,
        f"qdrant+http:///{SECRET}",
        "lancedb://",
        "lancedb:",
        f"pgvector://h/d?table=a.b.{SECRET}",
        f"qdrant+http://h:{SECRET}/c",
    ],
)
def test_an_invalid_sink_is_refused_without_being_shown(sink, tmp_path):
    with pytest.raises(SettingsError, match="sink: ") as error:
        Pipeline(home=tmp_path, sink=sink, start=False)

    assert SECRET not in str(error.value)


def test_a_folder_is_made_absolute_where_the_setting_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    location = locate("lancedb://vectors/mine?table=letters")

    assert location.public == f"lancedb://{tmp_path}/vectors/mine?table=letters"
    assert location.path == f"{tmp_path}/vectors/mine"
    assert locate(location.public) == location


def test_a_setting_hides_its_sink():
    settings = load(sink=f"pgvector://me:{SECRET}@h/d")

    assert SECRET not in repr(settings)
    assert settings.sink == f"pgvector://me:{SECRET}@h/d"


def test_storing_is_the_last_step_wherever_there_is_a_sink():
    assert [each.name for each in plan(sink=True)][-1] == "storing"
    assert "storing" not in [each.name for each in plan()]
    own = plan([step("storing", queue="near-the-sink")], sink=True)
    assert [each.name for each in own] == [each.name for each in plan(sink=True)]
    assert own[-1].queue == "near-the-sink"


@pytest.mark.parametrize(
    ("steps", "sink"), [(["storing"], False), (["storing", "extraction"], True)]
)
def test_a_step_that_stores_nowhere_or_too_early_is_refused(steps, sink):
    with pytest.raises(StepError, match="'storing' must be the last"):
        plan(steps, sink=sink)


def test_metadata_has_nothing_that_stores_reject():
    value = {"a\x00": ["b\x00", float("nan"), {"c": "\ud800"}, 1.5, None, True]}

    assert json_value(value) == {"a�": ["b�", None, {"c": "�"}, 1.5, None, True]}


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def test_the_key_of_a_sink_s_secrets_is_made_once(store):
    assert store.sinks.encryption_key("qdrant+http://h/c") is None

    key = store.sinks.encryption_key("qdrant+http://h/c", make=True)

    assert store.sinks.encryption_key("qdrant+http://h/c", make=True) == key
    assert store.sinks.encryption_key("qdrant+http://h/c") == key
    assert store.sinks.encryption_key("qdrant+http://h/other") is None
    with store.database.reading() as connection:
        rows = connection.execute(text("SELECT * FROM sink_key")).all()
    assert len(rows) == 1

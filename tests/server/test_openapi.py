"""The server gets requests that schemathesis makes from its OpenAPI document."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)
from support.patience import patient
from support.settings import service_options
from support.web import BEARER, served

from docprogress.server import create_app
from docprogress.settings import load

pytestmark = pytest.mark.slow

#: What there is to be asked; nothing is started for that.
DESCRIBED = schemathesis.openapi.from_dict(create_app().openapi())


@pytest.fixture(scope="module")
def server(shared_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    settings = load(
        **service_options(folder, shared_server.url),
        max_bytes=300_000,
    )
    with served(settings, wait_seconds=0.1, requests_burst=1e6) as web:
        yield web


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        yield session


# The threads of the server draw random numbers while Hypothesis makes an example.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@DESCRIBED.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_responses_are_as_openapi_describes_them(case, server, session):
    asked = case.as_transport_kwargs(base_url=server.url, headers=BEARER)
    with session.request(**asked, stream=True, timeout=patient(20)) as answer:
        assert answer.status_code < 500
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return  # it goes on for as long as somebody listens
        answer.content  # noqa: B018 - is read here
        case.validate_response(
            schemathesis.Response.from_requests(answer, verify=False),
            # It knows neither of the token nor that not every file can be read, and
            # takes a parameter that nobody asks for to be a wrong one.
            excluded_checks=[
                ignored_auth,
                negative_data_rejection,
                positive_data_acceptance,
            ],
        )

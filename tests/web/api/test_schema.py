"""The programs' interface does what its OpenAPI document says, whatever is sent to it: schemathesis finds nothing."""

import pytest
import schemathesis
from hypothesis import strategies
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from tests.web.api.program import served

TOKEN = "a-token-for-tests-only"
# No schema can say what a chest film is: these answer a well-made request with another picture.
REFUSED_PICTURES = ["400", "413", "415", "422"]
CONFIG = {
    "seed": 1,
    "generation": {"max-examples": 4, "database": "none"},
    "operations": [
        {
            "include-operation-id": "createAnalysis",
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", *REFUSED_PICTURES]}},
        }
    ],
    "headers": {"Authorization": f"Bearer {TOKEN}"},
}


@pytest.mark.parametrize("tokens", ["", TOKEN], ids=["open", "tokens"])
def test_schemathesis_finds_nothing(make_app, film, tokens):
    for media_type in ("image/png", "image/jpeg", "application/dicom"):
        schemathesis.openapi.media_type(media_type, strategies.just(film))
    config = SchemathesisConfig.from_dict(CONFIG)
    wrong, answered, phases = [], set(), {}
    # Over HTTP: from_wsgi of 4.32 cannot run its check of ignored tokens.
    with served(make_app(PROPAGATE_EXCEPTIONS=False, API_TOKENS=tokens)) as host:
        document = schemathesis.openapi.from_url(f"{host}/api/v1/openapi.json", config=config)
        for event in from_schema(document).execute():
            match event:
                case events.ScenarioFinished():
                    checks = [check for checks in event.recorder.checks.values() for check in checks]
                    wrong += [f"{event.label}: {each.failure_info.failure}" for each in checks if each.failure_info]
                    answers = [each.response for each in event.recorder.interactions.values() if each.response]
                    answered |= {(answer.request.method, answer.status_code) for answer in answers}
                case events.PhaseFinished():
                    phases[event.phase.name.name] = event.status
                case events.NonFatalError() | events.FatalError():
                    wrong.append(str(event))
    assert not wrong
    assert {phases[name] for name in ("EXAMPLES", "COVERAGE", "FUZZING", "STATEFUL_TESTING")} == {Status.SUCCESS}
    # It came past the door: films were read, and analyses read again and deleted.
    assert {("POST", 201), ("POST", 400), ("GET", 200), ("GET", 404), ("DELETE", 204)} <= answered
    assert (("GET", 401) in answered) is bool(tokens)

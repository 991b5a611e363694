"""Whatever the OpenAPI document allows, and what it forbids: no 5xx, and answers as documented."""

import json
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi import checks

from sessiontrack.database import Statement, write_transaction
from tests.support.application import Clients
from tests.support.thorough import FACTOR, made_up

# The calls are tried in so many parts, beside each other.
PARTS = 4
CASES = settings(
    deadline=None,
    database=None,
    derandomize=FACTOR == 1,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# Where no id that a case makes up will hit it: DELETE /auth/tokens/<id> would end the run's own token.
FAR_ID = 7_046_029_254_386_353
# Without parameters and body, there is only one case, and none that is invalid.
WITHOUT_INPUT = {"GET /healthz", "GET /readyz"}
# Where 401 means a wrong password.
LOGIN = {"POST /auth", "POST /auth/login"}


@pytest.fixture(params=range(PARTS))
def operations(clients: Clients, document_text: bytes, request: pytest.FixtureRequest) -> list[Any]:
    schema = schemathesis.openapi.from_dict(json.loads(document_text))
    # As from_wsgi() does, but for asking this application for it.
    schema.app, schema.location = clients.app, "/openapi.json"
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) >= 25
    return found[request.param :: PARTS]


def excluded_checks(operation: Any) -> list[CheckFunction]:
    # A schema cannot say all: 30 February, an end before its start, a period that reaches behind 1970,
    # a device neither in the body nor in the URL.
    excluded: list[CheckFunction] = [checks.positive_data_acceptance]
    if list(operation.query):
        # In a URL everything is text: the number 0 where "0" is due is no invalid case, nor one name
        # where a list of them is due.
        excluded.append(checks.negative_data_rejection)
    return excluded


def run(operation: Any, mode: GenerationMode, headers: dict[str, str], cases: int) -> Counter[int]:
    """How often each status was answered."""
    seen: Counter[int] = Counter()
    excluded = excluded_checks(operation)

    @settings(CASES, max_examples=made_up(cases))
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Case) -> None:
        response = case.call(headers=headers)
        seen[response.status_code] += 1
        assert response.status_code < 500
        case.validate_response(response, headers=headers, excluded_checks=excluded)

    check()
    if FACTOR > 1:
        print(f"{operation.label}: {mode.value} {dict(seen)}")
    return seen


def headers_for(operation: Any, clients: Clients, refresh: dict[str, str]) -> dict[str, str]:
    return refresh if operation.label == "POST /auth/refresh" else clients.admin.headers


@pytest.fixture
def refresh(clients: Clients) -> dict[str, str]:
    """The headers of a refresh; and the admin's API token moves out of reach."""
    with clients.app.app_context(), write_transaction() as tx:
        tx.run(Statement("UPDATE api_token SET id = :id WHERE role = 'admin'"), id=FAR_ID)
    return {"Authorization": f"Bearer {clients.log_in('admin')['refresh_token']}"}


def test_contract_2_valid_calls_are_answered_as_documented(
    operations: list[Any], clients: Clients, refresh: dict[str, str]
) -> None:
    for operation in operations:
        seen = run(operation, GenerationMode.POSITIVE, headers_for(operation, clients, refresh), 30)
        assert sum(seen.values()) >= 30 or operation.label in WITHOUT_INPUT, operation.label
        assert not seen[401] or operation.label in LOGIN, f"{operation.label} lost its token"


def test_contract_2_invalid_calls_are_answered_as_documented(
    operations: list[Any], clients: Clients, refresh: dict[str, str]
) -> None:
    for operation in operations:
        if operation.label not in WITHOUT_INPUT:
            run(operation, GenerationMode.NEGATIVE, headers_for(operation, clients, refresh), 12)
    assert clients.admin.ok("GET", "/auth/me")["role"] == "admin"


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_contract_2_without_a_token_nothing_is_answered(
    operations: list[Any], clients: Clients, mode: GenerationMode
) -> None:
    # Few: who asks is looked at before what is sent.
    for operation in operations:
        if operation.label not in WITHOUT_INPUT:
            seen = run(operation, mode, {}, 4)
            assert not seen[200], operation.label
            assert seen[401] or operation.label in LOGIN, operation.label

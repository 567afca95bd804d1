"""schemathesis reads the API's own description, and tries what it allows and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from hubfleet.office.api.description import api
from hubfleet.office.api.scopes import Scope
from hubfleet.office.audit.record import Actor
from tests.integration.acting.conftest import write_two
from tests.offices import office_of

OPERATIONS = [
    (path, method)
    for path, methods in api.get_openapi_schema()["paths"].items()
    for method in methods
    # It would end the token that the tests show; it has a test of its own.
    if path != "/api/tokens/current"
]
# RFC 8628 answers 400 until a person has agreed.
LEFT_OUT = {"/api/device/token": [positive_data_acceptance]}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, str]]]:
    from django.core.wsgi import get_wsgi_application

    from hubfleet.office.api.tokens import issue

    folder: Path = tmp_path_factory.mktemp("described")
    write_two(folder / "fleet")
    with office_of(folder / "fleet", folder / "state") as office:
        person = office.person("ada")
        office.person("bo")
        text = issue(Actor("ada"), person, "a test", tuple(Scope), timedelta(days=1))[1]
        application = get_wsgi_application()
        schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
        yield schema, {"Authorization": f"Bearer {text}"}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_api_does_what_its_description_says(described, path: str, method: str) -> None:
    schema, headers = described

    @given(case=schema[path][method].as_strategy())
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    def does(case: Any) -> None:
        case.call_and_validate(headers=headers, excluded_checks=LEFT_OUT.get(path, []))

    does()

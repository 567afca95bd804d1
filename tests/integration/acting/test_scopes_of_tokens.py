"""A token ends itself, and no other one of its person."""

from __future__ import annotations

from hubfleet.office.accounts.models import Person
from hubfleet.office.api import tokens
from hubfleet.office.api.scopes import Scope
from tests.integration.acting.test_api import Program, token


def test_a_token_that_only_reads_ends_no_other_token(office):
    weak, strong = token("ada", Scope.READ), token("ada", *Scope)
    found = tokens.find(strong)
    assert found is not None
    status, answer = Program(weak)("DELETE", f"/tokens/{found[0].pk}")
    assert (status, answer["error"]) == (403, "this may not be done")
    assert tokens.find(strong) is not None
    mine = tokens.find(weak)
    assert mine is not None
    assert Program(weak)("DELETE", f"/tokens/{mine[0].pk}")[0] == 204
    assert Person.objects.filter(login="ada").exists()

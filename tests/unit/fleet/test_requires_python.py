"""`requires-python`, where only the minor version is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hubfleet.fleet.requires_python import excludes


@pytest.mark.parametrize(
    ("wanted", "python", "no"),
    [
        (">=3.12", "3.11", True),
        (">=3.12", "3.12", False),
        (">=3.12.4", "3.12", False),
        (">3.11", "3.11", False),
        ("<3.12", "3.12", True),
        ("<3.12.1", "3.12", False),
        ("<4", "3.13", False),
        (">=3.9,<3.11", "3.11", True),
        ("~=3.10", "3.13", False),
        ("~=3.10.2", "3.11", True),
        ("==3.11.*", "3.12", True),
        ("!=3.11.*", "3.11", True),
        ("!=3.11.2", "3.11", False),
        ("", "3.11", False),
        ("rubbish", "3.11", False),
    ],
)
def test_what_is_certain_is_said(wanted: str, python: str, no: bool) -> None:
    assert excludes(wanted, python) is no


CLAUSES = st.tuples(
    st.sampled_from(["~=", "==", "!=", "<=", ">=", "<", ">"]),
    st.sampled_from(["3", "3.11", "3.12", "3.11.2", "3.12.0", "3.11.*", "3.12.*", "2.7", "4"]),
).map("".join)


@given(st.lists(CLAUSES, max_size=3), st.sampled_from(["3.10", "3.11", "3.12", "3.13"]))
def test_nothing_is_excluded_that_the_real_rules_allow(clauses: list[str], python: str) -> None:
    wanted = ",".join(clauses)
    try:
        rules = SpecifierSet(wanted)
    except InvalidSpecifier:
        return
    allowed = any(rules.contains(f"{python}.{patch}") for patch in range(20))
    assert not (allowed and excludes(wanted, python))

"""What all acting pages share: ask the rights for every edit, act, tell, come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from hubfleet.fleet.edits.edit import Edit, subject
from hubfleet.kit.errors import HubfleetError, Problem
from hubfleet.office.accounts.asking import actor_of, require
from hubfleet.office.accounts.models import Person
from hubfleet.office.changes.changing import Asked, make_change
from hubfleet.office.changes.models import Change
from hubfleet.office.changes.rights import acts_of
from hubfleet.office.ports import desk

LONGEST_WHY = 2000


def commit(request: HttpRequest, edits: Sequence[Edit], why: str) -> Change:
    """Make a change as the visitor, who must be allowed each act that it is.

    Raises `Http404`, `Refused`, and what stands against the change.
    """
    fleet = desk().fleet()
    emergency = request.POST.get("emergency", "")[:LONGEST_WHY]
    for edit in edits:
        for action in acts_of(edit, fleet):
            require(request, action, subject(edit), emergency=emergency)
    why = "\n\n".join(part for part in (why, emergency and f"In an emergency: {emergency}") if part)
    return make_change(edits, asked_by(request, why))


def asked_by(request: HttpRequest, why: str) -> Asked:
    """The visitor as the author of a change."""
    person = request.user
    assert isinstance(person, Person)
    return Asked(actor_of(request), person.name or person.login, person.email, why[:LONGEST_WHY])


def commit_and_return(
    request: HttpRequest, edits: Sequence[Edit], where: str, *names: str
) -> HttpResponse:
    """The same, then back to a page that says what became of it."""
    try:
        change = commit(request, edits, request.POST.get("why", ""))
    except HubfleetError as error:
        tell_problems(request, error.problems)
    else:
        tell_change(request, change)
    return redirect(where, *names)


def tell_change(request: HttpRequest, change: Change) -> None:
    """What happened, and what is to be done next."""
    if change.state == Change.State.WAITING:
        messages.info(request, f"{change.summary}: waiting for review as branch {change.branch}.")
    else:
        messages.success(request, f"{change.summary}: committed. It holds once it is rolled out.")


def tell_problems(request: HttpRequest, problems: Sequence[Problem]) -> None:
    for problem in problems[:20]:
        messages.error(request, in_words(problem))


def in_words(problem: Problem) -> str:
    """A problem as running text."""
    place = f" ({problem.place})" if problem.place else ""
    what = problem.what[:1].upper() + problem.what[1:] + place
    parts = [what, problem.why.rstrip("."), problem.hint and f"To mend it: {problem.hint}"]
    return ". ".join(part for part in parts if part) + "."


def text_of(request: HttpRequest, name: str, most: int = 200) -> str:
    """One value that a form sent, without what nobody types."""
    value: Any = request.POST.get(name, "")
    return "".join(c for c in str(value)[:most] if c.isprintable()).strip()

"""Where a visitor may go: the entries of the bar at the top of every page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from hubfleet.office.accounts.asking import ask, standing_here
from hubfleet.office.accounts.rights import Action


@dataclass(frozen=True, slots=True)
class Place:
    """One entry; `here` when the page shown belongs to it."""

    name: str
    href: str
    here: bool


class LazyPlaces:
    """Works the entries out when a template asks for them, and not before."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __iter__(self) -> Iterator[Place]:
        for name, view in _entries(self._request):
            try:
                href = reverse(view)
            except NoReverseMatch:
                continue
            path = self._request.path
            here = path == href or (href != "/" and path.startswith(href))
            yield Place(name, href, here or _belongs(name, path))


_OF_THE_FLEET = (
    "/hubs/", "/communities/", "/plan/", "/schedules/", "/objectives/", "/endings/",
)  # fmt: skip


def _belongs(name: str, path: str) -> bool:
    """Pages of a hub or a community belong to the list that leads to them."""
    return name in ("Fleet", "Hubs") and path.startswith(_OF_THE_FLEET)


def _entries(request: HttpRequest) -> Iterator[tuple[str, str]]:
    # A request that was refused at the door, such as one for a foreign host, is nobody's.
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        yield "Status", "console:status"
        return
    if ask(request, Action.SEE_FLEET).allowed:
        yield "Fleet", "console:fleet"
    else:
        yield "Hubs", "console:home"
    if ask(request, Action.SEE_CUSTOMERS).allowed:
        yield "Customers", "console:customers"
    if ask(request, Action.SEE_FLEET).allowed or standing_here(request).communities:
        yield "Rollouts", "console:rollouts"
        yield "Incidents", "console:incidents"
    if ask(request, Action.SEE_ONCALL).allowed:
        yield "On call", "console:oncall"
    yield "Status", "console:status"
    if sees_some_record(request):
        yield "Audit", "console:audit"
    if ask(request, Action.MANAGE_PEOPLE).offered:
        yield "People", "people"


def sees_some_record(request: HttpRequest) -> bool:
    """Whether the record of acts of any community is this visitor's to read."""
    standing = standing_here(request)
    if standing.staff:
        return True
    return any(
        ask(request, Action.SEE_AUDIT, community).allowed for community in standing.communities
    )

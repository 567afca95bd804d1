"""Rules for `access:`: what would lock everybody out, let everybody in, or mean nothing.

Pure, over the effective values: a rule that looked at one file alone would miss what another
layer added. `sign_in_problems` is the entrance for the checks; the functions above it say of any
hub who comes in, for the platform and the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

from hubfleet.fleet.access import Access, SignInMethod
from hubfleet.fleet.drafts import Draft
from hubfleet.fleet.model import Fleet, HubValues
from hubfleet.fleet.sign_in_cilogon import cilogon_problems
from hubfleet.kit.errors import Problem

_SECRETLESS = ("shared-password", "console")
# The methods for which a field says something; the others are for all of them.
_FIELDS: dict[tuple[str, ...], tuple[SignInMethod, ...]] = {
    ("access", "allow", "organisations"): ("github",),
    ("access", "allow", "teams"): ("github",),
    ("access", "allow", "domains"): ("google", "oidc"),
    ("access", "cilogon"): ("cilogon",),
    ("access", "oidc"): ("oidc",),
    ("access", "client"): ("github", "google", "cilogon", "oidc"),
}
_LAYERS = ("product", "fleet", "cluster", "community", "hub", "computed")


def fields_of_others(method: SignInMethod) -> tuple[tuple[str, ...], ...]:
    """The fields that say something for other ways to sign in, and nothing for this one."""
    return tuple(path for path, methods in _FIELDS.items() if method not in methods)


def callback_url(domain: str, *, on_this_machine: bool) -> str:
    """What the provider must be told about the hub, as far as a declaration can know it."""
    if not on_this_machine:
        return f"https://{domain}/hub/oauth_callback"
    return f"http://{domain}:8000/hub/oauth_callback (or your --port instead of 8000)"


def is_local(domain: str) -> bool:
    """Whether only people at this machine reach the hub."""
    return domain == "localhost" or domain.endswith(".localhost")


def people_by_name(values: HubValues) -> frozenset[str]:
    """Those who are declared by name: admins, users and the members of allowed groups."""
    access = values.access
    members = (name for group in access.allow.groups for name in values.groups.get(group, ()))
    return frozenset((*access.admins, *access.allow.users, *members))


def people_by_kind(access: Access) -> tuple[str, ...]:
    """Who else comes in, without being named, in words."""
    allow, method = access.allow, access.sign_in
    found = []
    if access.everyone:
        last = f" until {access.until}" if access.until else ""
        known = "who knows the password, under any name"
        known = known if method == "shared-password" else f"with an account {_where(access)}"
        found.append(f"everyone {known}{last}")
    if method == "github":
        found += [f"members of {name}" for name in (*allow.organisations, *allow.teams)]
    if method == "console":
        found.append("users and groups kept in the console")
    if method in ("google", "oidc"):
        found += [f"accounts of {domain}" for domain in allow.domains]
    if method == "oidc" and access.oidc.groups_claim:
        found += [f"members of {group}" for group in allow.groups]
        found += [f"members of {group} as admins" for group in access.oidc.admin_groups]
    if method == "cilogon":
        for idp in access.cilogon.idps:
            found += [f"everyone of {idp.id}"] if idp.allow_all else []
            found += [f"{domain} by {idp.id}" for domain in idp.allowed_domains]
    return tuple(found)


def _where(access: Access) -> str:
    places = {"github": "on GitHub", "google": "at Google", "cilogon": "at a declared provider"}
    places["console"] = "at the console"
    return places.get(access.sign_in, f"at {access.oidc.issuer or access.oidc.name}")


def is_over(access: Access, today: date) -> bool:
    """Whether `everyone` has had its last day; `today` is the day in the service's time zone."""
    return access.everyone and access.until is not None and today > access.until


def access_note(access: Access, today: date) -> str:
    """What time says about the way in: over, or until when; empty without an end."""
    if not access.everyone or access.until is None:
        return ""
    if is_over(access, today):
        return f"open to everyone until {access.until}, which has passed: no new sign-in"
    return f"open to everyone until {access.until}"


def ended_notes(fleet: Fleet, today: date) -> list[str]:
    """A sentence for each hub whose last day has passed; `today` is the service's day."""
    return [
        f"{hub.effective['access.until'].place or hub.place}: {name} was "
        f"{access_note(hub.values.access, today)}"
        for name, hub in fleet.hubs.items()
        if is_over(hub.values.access, today)
    ]


def sign_in_problems(draft: Draft, *, on_this_machine: bool) -> Iterator[Problem]:
    """What is wrong with one hub's `access`, over all its layers."""
    access = draft.values.access
    yield from _foreign_fields(draft)
    yield from _end(draft)
    if not draft.sound:
        return
    yield from _client(draft, on_this_machine=on_this_machine)
    yield from _way_in(draft)
    yield from _everyone(draft)
    if access.sign_in == "github":
        yield from _github(draft)
    elif access.sign_in == "google":
        yield from _google(draft)
    elif access.sign_in == "oidc":
        yield from _oidc(draft)
    elif access.sign_in == "cilogon":
        yield from cilogon_problems(draft)


def _foreign_fields(draft: Draft) -> Iterator[Problem]:
    """Fields of another method; what a lower layer says for other hubs may stay."""
    chosen = draft.settings.get(("access", "sign_in"))
    method = draft.values.access.sign_in
    level = _LAYERS.index(chosen.layer) if chosen else 0
    for path, methods in _FIELDS.items():
        if method in methods:
            continue
        for found, setting in draft.settings.items():
            if found[: len(path)] == path and _LAYERS.index(setting.layer) >= level:
                if setting.value in ([], {}):
                    continue
                yield Problem(
                    "field-of-another-method",
                    f"`{'.'.join(path)}` says nothing with `sign_in: {method}`",
                    setting.place,
                    f"It is for {' and '.join(f'`{name}`' for name in methods)}.",
                    f"remove it, or write `sign_in: {methods[0]}`",
                )
                break


def _client(draft: Draft, *, on_this_machine: bool) -> Iterator[Problem]:
    access = draft.values.access
    if access.sign_in in _SECRETLESS:
        return
    where = callback_url(draft.domain, on_this_machine=on_this_machine)
    if access.client.id is None:
        yield Problem(
            "no-client",
            f"`sign_in: {access.sign_in}` needs `access.client.id`",
            draft.place_of("access", "sign_in"),
            "The provider must know the hub before it signs people in to it.",
            f"register an OAuth client there with the callback address {where} and write its id",
        )
    if access.client.secret is None:
        place = draft.place_of("access", *(("client", "id") if access.client.id else ("sign_in",)))
        yield Problem(
            "no-client-secret",
            f"`sign_in: {access.sign_in}` needs `access.client.secret`",
            place,
            "The provider gave it out with the client's id.",
            f"run `hubfleet secret set {draft.name} access.client.secret`",
        )


def _way_in(draft: Draft) -> Iterator[Problem]:
    values = draft.values
    if values.access.sign_in == "console":
        return  # representatives may invite people there
    if people_by_name(values) or people_by_kind(values.access):
        return
    groups = values.access.allow.groups
    if not groups:
        hint = "set `access.admins`, `access.allow` or `access.everyone`"
        if values.access.cilogon.idps:
            hint += ", or `allow_all` or `allowed_domains` of an identity provider"
        place = draft.document.place(("access",))
    else:
        hint = f"add members: `groups: {{{groups[0]}: [ada]}}`, or set `access.admins`"
        place = draft.place_of("access", "allow", "groups")
        if any(group not in values.groups for group in groups):
            return  # told already: a group that nobody declares
    yield Problem(
        "no-way-in",
        f"nobody may sign in to `{draft.name}`",
        place,
        "The groups that are let in have no members." if groups else "",
        hint,
    )


def _end(draft: Draft) -> Iterator[Problem]:
    access = draft.values.access
    if access.until and not access.everyone and draft.sound:
        yield Problem(
            "until-without-everyone",
            "`until` says nothing without `everyone: true`",
            draft.place_of("access", "until"),
            hint="remove `until`, or add `everyone: true`",
        )


def _everyone(draft: Draft) -> Iterator[Problem]:
    access, allow = draft.values.access, draft.values.access.allow
    if not access.everyone:
        return
    place = draft.place_of("access", "everyone")
    narrower = [
        name
        for name, given in (
            ("organisations", access.sign_in == "github" and allow.organisations),
            ("teams", access.sign_in == "github" and allow.teams),
            ("domains", access.sign_in in ("google", "oidc") and allow.domains),
        )
        if given
    ]
    if narrower:
        yield Problem(
            "everyone-and-some",
            f"`everyone: true` lets in more people than `allow.{narrower[0]}`",
            place,
            "One of the two is a mistake: the wider one wins.",
            f"remove `everyone`, or remove `allow.{narrower[0]}`",
        )
    if access.until:
        return
    if access.sign_in == "shared-password" and not is_local(draft.domain):
        yield Problem(
            "open-without-end",
            "`everyone: true` needs `until` outside localhost",
            place,
            f"Whoever learns the shared password could use {draft.domain} for ever.",
            "add `until:` with the last day",
        )
    if access.sign_in in ("github", "google") and not narrower:
        service = "GitHub" if access.sign_in == "github" else "Google"
        cure = "allow.organisations" if access.sign_in == "github" else "allow.domains"
        yield Problem(
            "open-without-end",
            f"`everyone: true` needs `until` with `sign_in: {access.sign_in}`",
            place,
            f"Everybody in the world can have a {service} account.",
            f"name them with `{cure}` instead, or add `until:` with the last day",
        )


def _github(draft: Draft) -> Iterator[Problem]:
    access = draft.values.access
    for field, names in _named(draft):
        for index, name in enumerate(names):
            if "@" in name or " " in name:
                yield Problem(
                    "not-a-login",
                    f"`{name}` is not a GitHub user name",
                    draft.place_of(*field, index),
                    "On GitHub people are known by their login, not by their address.",
                    "write their GitHub login",
                )
    narrow = "organisations" if access.allow.organisations else "teams"
    users = draft.settings.get(("access", "allow", "users"))
    limits = draft.settings.get(("access", "allow", narrow))
    if users and users.value and limits and limits.value and users.document != limits.document:
        yield Problem(
            "users-of-another-file",
            f"`allow.users` lets in more people than `allow.{narrow}`",
            users.place,
            f"It comes from another file than `allow.{narrow}` ({limits.place}), "
            "whose author may not know of it.",
            f"repeat `users` beside `{narrow}`, or clear it there with `users: []`",
        )


def _google(draft: Draft) -> Iterator[Problem]:
    for field, names in _named(draft):
        for index, name in enumerate(names):
            if "@" not in name:
                yield Problem(
                    "not-an-address",
                    f"`{name}` is not an e-mail address",
                    draft.place_of(*field, index),
                    "With `sign_in: google` people are named by their whole address.",
                    f"write it with its domain, such as {name}@example.org",
                )


def _oidc(draft: Draft) -> Iterator[Problem]:
    access, oidc = draft.values.access, draft.values.access.oidc
    explicit = {
        "authorize_url": oidc.authorize_url,
        "token_url": oidc.token_url,
        "userdata_url": oidc.userdata_url,
    }
    given = [name for name, address in explicit.items() if address]
    missing = [name for name, address in explicit.items() if not address]
    place = draft.place_of("access", "oidc", *(given[:1] or ["issuer"]))
    if oidc.issuer and given:
        yield Problem(
            "issuer-and-addresses",
            f"`access.oidc` has both `issuer` and `{given[0]}`",
            place,
            "The issuer says itself where its pages are.",
            f"keep `issuer` alone, or {', '.join(explicit)} without it",
        )
    elif not oidc.issuer and missing:
        yield Problem(
            "no-issuer",
            "`sign_in: oidc` needs `access.oidc.issuer`",
            place if given else draft.place_of("access", "sign_in"),
            f"`{'`, `'.join(missing)}` would be needed without it." if given else "",
            "write the provider's address, such as https://id.example.org",
        )
    for name, address in {"issuer": oidc.issuer, **explicit}.items():
        host = urlsplit(address or "").hostname or ""
        if address and address.startswith("http:") and not _loopback(host):
            yield Problem(
                "insecure-provider",
                f"`access.oidc.{name}` is not encrypted",
                draft.place_of("access", "oidc", name),
                "Whoever is on the way could sign in as anybody.",
                f"write https://{address.removeprefix('http://')}",
            )
    if "openid" not in oidc.scope:
        yield Problem(
            "no-openid",
            "`access.oidc.scope` lacks `openid`",
            draft.place_of("access", "oidc", "scope"),
            "Without it the provider does not say who somebody is.",
            "add `openid` to the list",
        )
    yield from _oidc_groups(draft)
    if access.allow.domains and oidc.username_claim != "email":
        yield Problem(
            "domains-without-email",
            "`allow.domains` needs names that are e-mail addresses",
            draft.place_of("access", "allow", "domains"),
            f"`username_claim` is `{oidc.username_claim}`: nobody would match.",
            "write `username_claim: email` under `access.oidc`, or remove `allow.domains`",
        )


def _oidc_groups(draft: Draft) -> Iterator[Problem]:
    oidc = draft.values.access.oidc
    if oidc.admin_groups and not oidc.groups_claim:
        yield Problem(
            "no-groups-claim",
            "`admin_groups` needs `groups_claim`",
            draft.place_of("access", "oidc", "admin_groups"),
            "Nothing says where the provider names a person's groups.",
            "add `groups_claim: groups` under `access.oidc`",
        )
    if oidc.groups_claim and draft.values.groups:
        group = next(iter(draft.values.groups))
        yield Problem(
            "groups-from-two-places",
            f"the group `{group}` is declared here, and groups come from the provider",
            draft.place_of("groups", group),
            "`groups_claim` hands groups over to the provider; the hub would not start.",
            "remove `groups`, or remove `groups_claim`",
        )


def _named(draft: Draft) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    access = draft.values.access
    return (
        (("access", "admins"), access.admins),
        (("access", "allow", "users"), access.allow.users),
    )


def _loopback(host: str) -> bool:
    return is_local(host) or host in ("127.0.0.1", "::1")

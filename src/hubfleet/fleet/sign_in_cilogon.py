"""Rules for `access.cilogon`: which institutions, and what their people are called."""

from __future__ import annotations

from collections.abc import Iterator

from hubfleet.fleet.access import IdentityProvider
from hubfleet.fleet.drafts import Draft
from hubfleet.kit.errors import Problem

# Everybody in the world can have an account of these.
_PUBLIC = {
    "http://google.com/accounts/o8/id": "Google",
    "https://github.com/login/oauth/authorize": "GitHub",
    "http://github.com/login/oauth/authorize": "GitHub",
    "http://orcid.org/oauth/authorize": "ORCID",
    "http://login.microsoftonline.com/common/oauth2/v2.0/authorize": "Microsoft",
}
# Claims that hold the domain of whoever vouches for a person.
_WITH_DOMAIN = {"email", "eppn", "eptid"}


def cilogon_problems(draft: Draft) -> Iterator[Problem]:
    """What is wrong with the identity providers of one hub, over all its layers."""
    idps = draft.values.access.cilogon.idps
    if not idps:
        yield Problem(
            "no-idps",
            "`sign_in: cilogon` needs `access.cilogon.idps`",
            draft.place_of("access", "sign_in"),
            "Without a list anybody with any account in the world could come to its door.",
            "add `idps:` with the `id` and the `username_claim` of each institution",
        )
    for index, idp in enumerate(idps):
        yield from _idp(draft, index, idp)
    yield from _repeated(draft, idps)
    yield from _clashes(draft, idps)


def _idp(draft: Draft, index: int, idp: IdentityProvider) -> Iterator[Problem]:
    access = draft.values.access
    if idp.strip_domain and idp.prefix:
        yield Problem(
            "strip-and-prefix",
            "an identity provider has either `strip_domain` or `prefix`",
            draft.place_of("access", "cilogon", "idps", index, "prefix"),
            "CILogon's names are changed in one way only.",
            "remove one of the two",
        )
    claim = idp.allowed_domains_claim or idp.username_claim
    if idp.allowed_domains and claim not in _WITH_DOMAIN:
        yield Problem(
            "domains-without-email",
            "`allowed_domains` needs a claim that is an e-mail address",
            draft.place_of("access", "cilogon", "idps", index, "allowed_domains"),
            f"`{claim}` holds no domain: nobody would match.",
            "add `allowed_domains_claim: email`",
        )
    open_to_all = idp.allow_all or (access.everyone and not access.until)
    if idp.id in _PUBLIC and open_to_all:
        own: tuple[str | int, ...] = ("cilogon", "idps", index, "allow_all")
        field = own if idp.allow_all else ("everyone",)
        yield Problem(
            "open-without-end",
            f"everybody with a {_PUBLIC[idp.id]} account could sign in",
            draft.place_of("access", *field),
            "Everybody in the world can have one.",
            "name people with `allow.users` or `allowed_domains`, "
            "or write `everyone: true` with `until:`",
        )


def _repeated(draft: Draft, idps: tuple[IdentityProvider, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    default = False
    for index, idp in enumerate(idps):
        if idp.id in seen:
            yield Problem(
                "duplicate-idp",
                f"the identity provider {idp.id} is listed twice",
                draft.place_of("access", "cilogon", "idps", index, "id"),
                hint="keep one of the two",
            )
        seen.add(idp.id)
        if idp.default and default:
            yield Problem(
                "two-default-idps",
                f"{idp.id} is a second default identity provider",
                draft.place_of("access", "cilogon", "idps", index, "default"),
                hint="keep `default: true` on one of them",
            )
        default = default or idp.default


def _clashes(draft: Draft, idps: tuple[IdentityProvider, ...]) -> Iterator[Problem]:
    """Two institutions that may call two people alike."""
    bare = [
        index
        for index, idp in enumerate(idps)
        if not idp.prefix and (idp.strip_domain or idp.username_claim not in _WITH_DOMAIN)
    ]
    taken = {idp.prefix for idp in idps if idp.prefix}
    if len(bare) > 1:
        yield Problem(
            "names-may-clash",
            "two identity providers may call two people alike",
            draft.place_of("access", "cilogon", "idps", bare[1], "username_claim"),
            f"The other is {idps[bare[0]].id}; neither name holds a domain.",
            "give one of them a `prefix`",
        )
    if len(taken) < sum(1 for idp in idps if idp.prefix):
        yield Problem(
            "names-may-clash",
            "two identity providers have the same `prefix`",
            draft.place_of("access", "cilogon", "idps"),
            "They may call two people alike.",
            "give each a prefix of its own",
        )

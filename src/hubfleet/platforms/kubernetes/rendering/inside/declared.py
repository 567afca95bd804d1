"""What a hub's declaration asks for and the chart's values cannot say.

hubfleet put this here, the same text for every hub; what differs stands in `custom.hubfleet`:
the last day for everyone, domains and issuer of a provider, groups and their members. The file
`CLOSING` appears when the hub is about to go away.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN003, ANN201, ANN202

from copy import deepcopy
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jupyterhub.utils import maybe_future
from tornado.web import HTTPError
from traitlets.utils.importstring import import_item

SHARED = "hubfleet-shared"
CLOSING = Path("/usr/local/share/hubfleet-closing/until")


def declared_people(base, told):
    """The chosen way to sign in, made to agree with the declaration."""
    people = type("DeclaredPeople", (_Declared, base), {"told": told})
    return discovering(people, told["issuer"]) if told.get("issuer") else people


class _Declared:
    """Stands before JupyterHub's own class; `told` is `custom.hubfleet`."""

    told = {}

    def is_declared(self, name):
        return name in self.allowed_users or name in self.admin_users

    def is_over(self):
        until = self.told.get("until")
        return bool(until and self.allow_all and today(self.told.get("timezone")) > until)

    def is_probe(self, name):
        return name == self.told.get("probe_user")

    def claims(self, authentication):
        state = (authentication or {}).get("auth_state") or {}
        return state.get(getattr(self, "user_auth_state_key", "")) or {}

    def check_blocked_users(self, username, authentication=None):
        # The only question that JupyterHub always asks: nobody signs in as the probe, nobody new
        # after the last day, and nobody under an address that is not proven to be theirs.
        claims = self.claims(authentication)
        by_address = getattr(self, "username_claim", "") == "email"
        if self.is_probe(username) or (self.is_over() and not self.is_declared(username)):
            return False
        if by_address and False in (claims.get("email_verified"), claims.get("verified_email")):
            return False
        return super().check_blocked_users(username, authentication)

    async def check_allowed(self, username, authentication):
        claims, domain = self.claims(authentication), ""
        if hasattr(self, "hosted_domain"):
            domain = str(claims.get("hd", ""))  # Google says whose organisation somebody is of
        elif getattr(self, "username_claim", "") == "email":
            domain = str(claims.get("email", "")).rpartition("@")[2]
        if domain.lower() in self.told.get("allowed_domains", ()):
            return True
        return await maybe_future(super().check_allowed(username, authentication))

    def is_admin(self, handler, authentication):
        # JupyterHub adds admins and never takes the right away.
        return authentication["name"] in self.admin_users

    async def refresh_user(self, user, handler=None, **kwargs):
        if self.is_probe(user.name):
            return True
        if not self.enable_auth_state:
            return bool(self.is_declared(user.name) or (self.allow_all and not self.is_over()))
        model = await maybe_future(super().refresh_user(user, handler, **kwargs))
        if not isinstance(model, dict):
            return model
        if model.get("admin") is None:
            model["admin"] = self.is_admin(handler, model)
        if not self.check_blocked_users(model["name"], model):
            return False
        may = self.allow_all or await self.check_allowed(model["name"], model)
        return model if may else False

    async def pre_spawn_start(self, user, spawner):
        if words := closing_notice(self.told.get("timezone")):
            raise HTTPError(503, words)
        may = not self.is_over() or self.is_declared(user.name) or self.is_probe(user.name)
        if not may:
            raise HTTPError(403, f"This hub was open to everyone until {self.told['until']}.")
        if user.admin:
            open_shared_folder(spawner)
        await maybe_future(super().pre_spawn_start(user, spawner))


def today(zone):
    """The day in the service's time zone; in UTC where the image does not know the zone."""
    return datetime.now(place_of(zone)).date().isoformat()


def place_of(zone):
    """A time zone; UTC where the image does not know it."""
    try:
        return ZoneInfo(zone or "UTC")
    except ZoneInfoNotFoundError:
        return UTC


def closing_notice(zone):
    """What people read while the hub is about to go away; empty for a hub that stays."""
    try:
        until = datetime.fromisoformat(CLOSING.read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return ""
    there = until.astimezone(place_of(zone))
    return (
        f"This hub closes at {there:%H:%M} on {there.day} {there:%B} ({there.tzinfo}). "
        "Save your work: servers are stopped then, and no new one is started. "
        "Your files are kept; ask the people who run this hub for them."
    )


def notices(told):
    """What JupyterHub calls for each of its pages, with its user or None."""

    def of_page(user):
        words = closing_notice(told.get("timezone"))
        return [words] if words else []

    return of_page


def open_shared_folder(spawner):
    """Admins write where others read."""
    mounts = deepcopy(spawner.volume_mounts)
    for mount in mounts.values() if isinstance(mounts, dict) else mounts:
        if mount.get("name") == SHARED:
            mount["readOnly"] = False
    spawner.volume_mounts = mounts


def discovering(base, issuer):
    """An OpenID Connect provider that says itself where its pages are, asked when first needed:
    a hub must come up while its provider is away.
    """
    login = base.login_handler

    class LoginHandler(login):
        async def get(self):
            await self.authenticator.discover()
            await maybe_future(super().get())

    class DiscoveringPeople(base):
        login_handler = LoginHandler
        known = False

        async def discover(self):
            if self.known:
                return
            address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self.httpfetch(address, "asking where its pages are", method="GET")
            if found["issuer"].rstrip("/") != issuer.rstrip("/"):
                raise HTTPError(502, f"{issuer} says that it is somebody else")
            pages = [found[f"{name}_endpoint"] for name in ("authorization", "token", "userinfo")]
            if issuer.startswith("https:") and not all(p.startswith("https:") for p in pages):
                raise HTTPError(502, f"a page of {issuer} is not encrypted")
            self.authorize_url, self.token_url, self.userdata_url = pages
            ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
            self.basic_auth = "client_secret_basic" in ways
            self.known = True

        async def authenticate(self, handler, data=None, **kwargs):
            await self.discover()
            return await super().authenticate(handler, data, **kwargs)

        async def refresh_user(self, user, handler=None, **kwargs):
            try:
                await self.discover()
            except Exception:
                # People go on working while the provider is away; nobody new comes in.
                self.log.warning("%s does not answer", issuer)
                return True
            return await super().refresh_user(user, handler, **kwargs)

    return DiscoveringPeople


def own_profiles(profiles, told):
    """Those of `profiles` that a person's groups allow, asked for each person."""
    declared = told.get("groups")

    def allowed(spawner):
        if declared is None:
            groups = {group.name for group in spawner.user.groups}
        else:
            # Who left a group of the declaration is out of it at once.
            groups = {name for name, people in declared.items() if spawner.user.name in people}
        return [
            p for p in profiles if not p.get("allowed_groups") or groups & set(p["allowed_groups"])
        ]

    return allowed


def chosen_class(name):
    """The class behind a name such as `github`, as JupyterHub finds it."""
    if isinstance(name, type):
        return name
    for point in entry_points(group="jupyterhub.authenticators"):
        if point.name.lower() == name.lower():
            return point.load()
    return import_item(name)


def install(c, told):
    """Change the configuration that was made from the values."""
    c.JupyterHub.authenticator_class = declared_people(
        chosen_class(c.JupyterHub.authenticator_class), told
    )
    shown = c.JupyterHub.get("template_vars") or {}
    c.JupyterHub.template_vars = {**shown, "hub_notices": notices(told)}
    profiles = c.KubeSpawner.get("profile_list") or []
    if any(profile.get("allowed_groups") for profile in profiles):
        c.KubeSpawner.profile_list = own_profiles(profiles, told)


if "get_config" in globals():
    install(globals()["c"], globals()["get_config"]("custom.hubfleet", {}))

"""Rules for `jupyterhub.config`: known to JupyterHub, not hubfleet's own, and no secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubfleet.fleet.layers import Setting, Settings
from hubfleet.fleet.secrets.findings import names_a_secret
from hubfleet.fleet.secrets.secret import Secret
from hubfleet.fleet.traits import expected, known_traits
from hubfleet.fleet.words import described, nearest
from hubfleet.kit.errors import Problem

# Traits that a person could want to set, and the field that does it.
_USE_INSTEAD = {
    "mem_limit": "limits.memory",
    "mem_guarantee": "limits.memory",
    "cpu_limit": "limits.cpu",
    "cpu_guarantee": "limits.cpu",
    "options_form": "profiles",
    "options_from_form": "profiles",
    "admin_users": "access.admins",
    "allowed_users": "access.allow.users",
    "whitelist": "access.allow.users",
    "allow_all": "access.everyone",
    "allow_existing_users": "access.allow.users",
    "any_allow_config": "access.allow",
    "load_groups": "groups",
    "authenticator_class": "access.sign_in",
    "client_id": "access.client.id",
    "client_secret": "access.client.secret",
    "allowed_organizations": "access.allow.organisations",
    "hosted_domain": "access.allow.domains",
    "idps": "access.cilogon.idps",
    "allowed_idps": "access.cilogon.idps",
    "username_claim": "access.oidc.username_claim",
    "allowed_groups": "access.allow.groups",
    "admin_groups": "access.oidc.admin_groups",
    "manage_groups": "access.oidc.groups_claim",
    "oauth_callback_url": "domain",
    "public_url": "domain",
    "base_url": "domain",
}

_HUB_OWNED = frozenset(
    {
        "answer_yes",
        "bind_url",
        "cleanup_proxy",
        "cleanup_servers",
        "config_file",
        "confirm_no_ssl",
        "cookie_secret",
        "cookie_secret_file",
        "data_files_path",
        "db_kwargs",
        "db_url",
        "debug_db",
        "debug_proxy",
        "extra_log_file",
        "generate_certs",
        "generate_config",
        "hub_bind_url",
        "hub_connect_ip",
        "hub_connect_port",
        "hub_connect_url",
        "hub_ip",
        "hub_port",
        "hub_routespec",
        "internal_certs_location",
        "internal_ssl",
        "ip",
        "load_roles",
        "pid_file",
        "port",
        "proxy_api_ip",
        "proxy_api_port",
        "proxy_auth_token",
        "proxy_class",
        "proxy_cmd",
        "reset_db",
        "service_tokens",
        "services",
        "show_config",
        "show_config_json",
        "spawner_class",
        "ssl_cert",
        "ssl_key",
        "subdomain_hook",
        "subdomain_host",
        "upgrade_db",
        "logging_config",
        "extra_handlers",
    }
)
_SPAWNER_OWNED = frozenset(
    {
        "args",
        "cmd",
        "hub_connect_url",
        "ip",
        "notebook_dir",
        "popen_kwargs",
        "port",
        "shell_cmd",
        "home_dir_template",
        "env_keep",
        "environment",
        "pre_spawn_hook",
        "post_stop_hook",
        "default_url",
    }
)

_SIGN_IN_OWNED = frozenset(
    {
        "basic_auth",
        "enable_auth_state",
        "enable_pkce",
        "strip_domain",
        "tls_verify",
        "userdata_from_id_token",
        "validate_server_cert",
    }
)

# These hold tokens as keys or lists; other lists and mappings are looked into.
_SECRET_TRAITS = frozenset({"api_tokens", "service_tokens"})


def passthrough_problems(settings: Settings) -> Iterator[Problem]:
    """What is wrong with the traitlets that one layer sets."""
    for path, setting in settings.items():
        if path[:2] != ("jupyterhub", "config") or len(path) != 4 or setting.value is None:
            continue
        problem = _problem(path[2], path[3], setting)
        if problem:
            yield problem
        elif isinstance(setting.value, list | dict):
            yield from _inner_secrets(f"{path[2]}.{path[3]}", setting.value, setting)


def _problem(class_name: str, trait: str, setting: Setting) -> Problem | None:
    classes = known_traits()
    full = f"{class_name}.{trait}"
    if class_name not in classes:
        near = nearest(class_name, sorted(classes))
        hint = f"did you mean `{near}`?" if near else f"known: {', '.join(sorted(classes))}"
        place = setting.document.place(setting.path[:-1])
        what = f"JupyterHub has no class `{class_name}`"
        return Problem("unknown-class", what, place, hint=hint)
    if trait not in classes[class_name]:
        near = nearest(trait, sorted(classes[class_name]))
        hint = f"did you mean `{near}`?" if near else f"see the traitlets of {class_name}"
        return Problem("unknown-trait", f"JupyterHub has no `{full}`", setting.place, hint=hint)
    if (class_name == "SharedPasswordAuthenticator" or trait in _SECRET_TRAITS) or (
        names_a_secret(trait) and isinstance(setting.value, str)
    ):
        return _secret(full, setting)
    return _owned(class_name, trait, full, setting) or _mistyped(
        classes[class_name][trait], full, setting
    )


def _mistyped(kind: str, full: str, setting: Setting) -> Problem | None:
    """JupyterHub itself would only say so when the hub starts."""
    words = expected(kind, setting.value)
    if words is None or isinstance(setting.value, Secret):
        return None
    what = f"`{full}` must be {words}, not {described(setting.value)}"
    return Problem("wrong-type", what, setting.place, hint=f"write {words}")


def _owned(class_name: str, trait: str, full: str, setting: Setting) -> Problem | None:
    hint = "remove it"
    if trait in _USE_INSTEAD:
        why = "The declaration has a field for it."
        hint = f"use `{_USE_INSTEAD[trait]}` instead"
    elif (class_name == "JupyterHub" and trait in _HUB_OWNED) or class_name.endswith("Proxy"):
        why = "hubfleet itself decides how hubs are started and reached."
    elif class_name.endswith("Spawner") and trait in _SPAWNER_OWNED:
        why = "hubfleet itself decides how people's servers are started."
    elif class_name.endswith("Authenticator") and trait in _SIGN_IN_OWNED:
        why = "hubfleet itself decides how providers are asked."
    else:
        return None
    what = f"`{full}` cannot be set in the pass-through"
    return Problem("owned-setting", what, setting.place, why, hint)


def _inner_secrets(full: str, value: Any, setting: Setting, *path: str | int) -> Iterator[Problem]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        named = isinstance(key, str) and names_a_secret(key)
        if named and isinstance(inner, str) and inner:
            yield _secret(f"{full}: {key}", setting, *path, key)
        elif isinstance(inner, dict | list):
            yield from _inner_secrets(full, inner, setting, *path, key)


def _secret(full: str, setting: Setting, *path: str | int) -> Problem:
    """The value itself is never shown."""
    return Problem(
        "secret-in-plain-file",
        f"`{full}` looks like a secret",
        setting.place_of(*path),
        "Whoever can read the fleet could read it.",
        "remove it; hubfleet makes passwords and tokens itself",
    )

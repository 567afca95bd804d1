"""Which declared field becomes which value of the chart: the table of the documentation.

A test renders hubs with every field and compares, so the table is true.
"""

from __future__ import annotations

MAPPING: dict[str, tuple[tuple[str, ...], str]] = {
    "cluster": ((), "Chooses the cluster; the hub is a release there."),
    "stage": ((), "Says when the hub is changed."),
    "gate": ((), "Says when the hub is changed."),
    "chart": ((), "Chooses the chart of the release."),
    "domain": (
        (
            "ingress.hosts",
            "ingress.tls",
            "httpRoute.hostnames",
            "hub.config.JupyterHub.public_url",
            "hub.config.*.oauth_callback_url",
        ),
        "An ingress, or a route where the cluster has `ingress.gateway`.",
    ),
    "title": (("hub.templateVars.face.title",), ""),
    "access.sign_in": (("hub.config.JupyterHub.authenticator_class",), ""),
    "access.admins": (("hub.config.Authenticator.admin_users",), ""),
    "access.allow.users": (
        ("hub.config.Authenticator.allowed_users",),
        "With the members of `access.allow.groups`.",
    ),
    "access.allow.groups": (
        (
            "hub.config.Authenticator.allowed_users",
            "hub.config.GenericOAuthenticator.allowed_groups",
        ),
        "Groups of the provider where `oidc.groups_claim` is set.",
    ),
    "access.allow.organisations": (
        (
            "hub.config.GitHubOAuthenticator.allowed_organizations",
            "hub.config.GitHubOAuthenticator.scope",
        ),
        "",
    ),
    "access.allow.teams": (
        (
            "hub.config.GitHubOAuthenticator.allowed_organizations",
            "hub.config.GitHubOAuthenticator.scope",
        ),
        "Written `organisation:team` there, too.",
    ),
    "access.allow.domains": (
        (
            "custom.hubfleet.allowed_domains",
            "hub.config.GoogleOAuthenticator.extra_authorize_params",
        ),
        "Checked by the code in `hub.extraConfig`.",
    ),
    "access.everyone": (("hub.config.Authenticator.allow_all",), ""),
    "access.until": (("custom.hubfleet.until",), "Ended by the code in `hub.extraConfig`."),
    "access.client": (("hub.config.*.client_id", "hub.config.*.client_secret"), ""),
    "access.cilogon": (
        ("hub.config.CILogonOAuthenticator.allowed_idps", "hub.config.CILogonOAuthenticator.skin"),
        "",
    ),
    "access.oidc": (
        (
            "custom.hubfleet.issuer",
            "hub.config.GenericOAuthenticator",
        ),
        "With an issuer, its pages are found by the code in `hub.extraConfig`.",
    ),
    "page": (
        (
            "hub.templateVars.face",
            "hub.extraFiles.hubfleet-logo",
            "hub.config.JupyterHub.logo_file",
            "hub.config.*.auto_login",
        ),
        "Shown by the templates in `hub.extraFiles`.",
    ),
    "groups": (("hub.config.JupyterHub.load_groups", "custom.hubfleet.groups"), ""),
    "environment": (
        ("singleuser.image.name", "singleuser.image.tag"),
        "Only `image`: nothing is built on the cluster.",
    ),
    "environments": (
        ("singleuser.profileList[].kubespawner_override.image",),
        "Chosen by profiles.",
    ),
    "interface": (("singleuser.defaultUrl",), ""),
    "limits.memory": (("singleuser.memory.limit",), ""),
    "limits.cpu": (("singleuser.cpu.limit",), ""),
    "guarantees.memory": (
        ("singleuser.memory.guarantee",),
        "256M unless declared, and never more than the limit.",
    ),
    "guarantees.cpu": (
        ("singleuser.cpu.guarantee",),
        "0.05 unless declared, and never more than the limit.",
    ),
    "profiles": (
        ("singleuser.profileList",),
        "`groups` become `allowed_groups`, which the code in `hub.extraConfig` obeys.",
    ),
    "storage.shared": (
        ("singleuser.storage.extraVolumes", "singleuser.storage.extraVolumeMounts"),
        "Where the cluster has `shared_storage_class`.",
    ),
    "storage.shared_readwrite": (
        ("singleuser.storage.extraVolumes", "singleuser.storage.extraVolumeMounts"),
        "Where the cluster has `shared_storage_class`.",
    ),
    "storage.home_quota": (("singleuser.storage.capacity",), "10Gi unless declared."),
    "storage.snapshots": ((), "The provider makes snapshots of its disks."),
    "culling.idle": (
        ("cull.enabled", "cull.timeout", "cull.every", "singleuser.extraEnv"),
        "",
    ),
    "culling.max_age": (("cull.maxAge",), ""),
    "culling.kernels": (
        ("singleuser.extraFiles.hubfleet-server.data.MappingKernelManager",),
        "",
    ),
    "named_servers": (("hub.allowNamedServers", "hub.namedServerLimitPerUser"), ""),
    "collaboration": (
        ("hub.loadRoles.user", "singleuser.extraFiles.hubfleet-server.data.YDocExtension"),
        "The image must hold jupyter-collaboration.",
    ),
    "downloads": (
        (
            "singleuser.extraFiles.hubfleet-lab",
            "singleuser.extraFiles.hubfleet-server.data.FileContentsManager",
        ),
        "Pictures in notes are not shown either.",
    ),
    "terminals": (("singleuser.extraFiles.hubfleet-server.data.ServerApp",), ""),
    "jupyterhub.config": (("hub.config",), "Wins over all of the above."),
    "helm_values": (("*",), "Wins over everything; the chart's own words."),
}
"""By field: paths of values, and a sentence. A field stands for all below it."""

OF_THE_CLUSTER: dict[str, tuple[str, ...]] = {
    "ingress.class_name": ("ingress.ingressClassName",),
    "ingress.issuer": ("ingress.annotations", "ingress.tls"),
    "ingress.gateway": ("httpRoute.gateway", "httpRoute.parentRefs"),
    "ingress.tls": ("ingress.tls", "hub.config.JupyterHub.public_url"),
    "nodes.core": ("hub.nodeSelector", "proxy.chp.nodeSelector"),
    "nodes.user": ("singleuser.nodeSelector",),
    "storage_class": (
        "singleuser.storage.dynamic.storageClass",
        "hub.db.pvc.storageClassName",
    ),
    "shared_storage_class": ("singleuser.storage.extraVolumes",),
}
"""Fields of a cluster's `kubernetes:` block, and what they change in every hub's values."""

OUR_OWN: dict[str, str] = {
    "proxy.secretToken": "made once, kept secret",
    "hub.config.JupyterHub.cookie_secret": "made once, kept secret",
    "hub.config.CryptKeeper.keys": "made once, kept secret",
    "hub.services.probe": "as whom probes act; its token is made once and kept secret",
    "hub.loadRoles.probe": "the least that a probe needs",
    "hub.loadRoles.probed": "the user as whom probes act",
    "hub.services.office": "as what the console ends access; its token is made once, kept secret",
    "hub.loadRoles.office": "the least that ending access needs",
    "hub.services.meter": "as what the console reads use; its token is made once, kept secret",
    "hub.loadRoles.meter": "the least that reading use needs",
    "hub.extraVolumes": "where the hub reads that it is about to close; yours are added",
    "hub.extraVolumeMounts": "where the hub reads that it is about to close; yours are added",
    "hub.config.SharedPasswordAuthenticator": "passwords, made once and kept secret",
    "hub.config.Authenticator.allow_existing_users": "whoever is no longer declared stays out",
    "hub.config.Authenticator.any_allow_config": "the checks of the declaration know who comes in",
    "hub.config.*.enable_pkce": "how providers are asked",
    "hub.config.*.enable_auth_state": "how providers are asked",
    "hub.config.*.refresh_pre_spawn": "providers are asked again before a server starts",
    "hub.config.GoogleOAuthenticator.strip_domain": "names are whole addresses",
    "hub.extraConfig.00-hubfleet": "what values cannot say; the same text for every hub",
    "custom.hubfleet": "what that text reads",
    "hub.templatePaths": "templates of the hub's face",
    "hub.extraFiles.hubfleet-*": "templates of the hub's face",
    "hub.templateVars.face": "what they show",
    "hub.labels": "community and hub",
    "singleuser.extraLabels": "community and hub, by which costs are told apart",
    "hub.db.pvc.annotations": "the hub's database outlives its release",
    "proxy.service.type": "the proxy is reached through the ingress alone",
    "ingress.enabled": "unless the cluster has a gateway",
    "httpRoute.enabled": "where the cluster has a gateway",
    "prePuller.hook.enabled": "false: every change would wait for it",
    "prePuller.continuous.enabled": "false: every change would wait for it",
    "singleuser.extraFiles.hubfleet-server.mountPath": "Jupyter's own settings",
}
"""What hubfleet sets in every hub, whatever it declares."""

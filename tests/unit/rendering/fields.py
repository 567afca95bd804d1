"""Random declarations of hubs, for laws that hold for all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from hubfleet.kit.units import format_memory

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True)
WORDS = st.text("abc <&>\"'.-é", min_size=1, max_size=12).filter(lambda text: text.strip() == text)
MEMORY = st.integers(128, 65_536).map(lambda amount: format_memory(amount * 1024**2))
CPU = st.sampled_from([0.01, 0.5, 1, 2.5, 64])
DURATION = st.sampled_from(["0s", "90s", "10m", "1h", "7d"])
IMAGES = st.sampled_from(["quay.io/a/b:1", "localhost:5000/lab:2026", f"x/y@sha256:{'ab' * 32}"])
INTERFACES = st.sampled_from(["lab", "notebook", "rstudio", "/lab/tree/welcome.ipynb"])


def some(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of these keys."""
    return st.fixed_dictionaries({}, optional=optional)


AMOUNTS = some(memory=MEMORY, cpu=CPU)
CLIENT = st.just({"id": "client", "secret": "s3cret"})
SIGN_IN = st.one_of(
    st.fixed_dictionaries({"sign_in": st.just("shared-password")}),
    st.fixed_dictionaries(
        {"sign_in": st.just("github"), "client": CLIENT},
        optional={
            "allow": some(
                organisations=st.lists(NAMES, max_size=2, unique=True),
                teams=st.lists(NAMES.map(lambda name: f"org:{name}"), max_size=2, unique=True),
                users=st.lists(NAMES, max_size=2, unique=True),
            )
        },
    ),
    st.fixed_dictionaries(
        {"sign_in": st.just("google"), "client": CLIENT},
        optional={"allow": st.just({"domains": ["example.org"]})},
    ),
    st.fixed_dictionaries(
        {
            "sign_in": st.just("oidc"),
            "client": CLIENT,
            "oidc": some(
                issuer=st.just("https://id.example.org"),
                name=NAMES,
                username_claim=st.sampled_from(["email", "sub"]),
                scope=st.just(["openid", "groups"]),
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "sign_in": st.just("cilogon"),
            "client": CLIENT,
            "cilogon": st.just(
                {"idps": [{"id": "https://idp.example.edu/x", "username_claim": "eppn"}]}
            ),
        }
    ),
)


@st.composite
def access(draw: st.DrawFn) -> dict[str, Any]:
    """Who may come in."""
    more = draw(some(admins=st.lists(NAMES, max_size=2, unique=True), everyone=st.just(True)))
    until = {"until": "2026-12-01"} if more.get("everyone") and draw(st.booleans()) else {}
    return {**draw(SIGN_IN), **more, **until}


@st.composite
def profiles(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Profiles that can be told apart, the first or none of them the default."""
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    found = []
    for number, name in enumerate(names):
        profile = draw(
            some(
                description=WORDS,
                limits=AMOUNTS,
                guarantees=AMOUNTS,
                interface=INTERFACES,
                groups=st.lists(NAMES, min_size=1, max_size=2, unique=True),
            )
        )
        if draw(st.booleans()):
            choices = [{"name": "One", "default": True}, {"name": "Two", "limits": draw(AMOUNTS)}]
            profile["options"] = [{"name": "Size", "choices": choices}]
        found.append({"name": name, **profile, **({"default": True} if not number else {})})
    return found


HELM_VALUES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.just({"singleuser": {"nodeSelector": {"pool": "big"}, "startTimeout": 600}}),
    st.just({"hub": {"extraEnv": {"A": "1"}, "config": {"JupyterHub": {"log_level": 10}}}}),
    st.just({"ingress": {"annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "64m"}}}),
    st.just({"scheduling": {"userPlaceholder": {"replicas": 3}}, "debug": {"enabled": True}}),
)

HUBS = some(
    title=WORDS,
    access=access(),
    groups=st.dictionaries(NAMES, st.lists(NAMES, max_size=3, unique=True), max_size=2),
    environment=st.builds(lambda image: {"image": image}, IMAGES),
    interface=INTERFACES,
    limits=AMOUNTS,
    guarantees=AMOUNTS,
    profiles=profiles(),
    storage=some(home_quota=MEMORY, shared=st.booleans(), shared_readwrite=st.booleans()),
    culling=some(idle=DURATION, max_age=DURATION, kernels=DURATION),
    named_servers=st.integers(0, 5),
    collaboration=st.booleans(),
    downloads=st.booleans(),
    terminals=st.booleans(),
    page=some(
        about=WORDS,
        announcement=st.sampled_from(["**Hello** you", "See [us](https://example.org).\n\nBye"]),
        links=st.just([{"name": "Help", "url": "https://help.example.org"}]),
        operated_by=st.just([{"name": "Us"}]),
    ),
    jupyterhub=st.just({"config": {"JupyterHub": {"concurrent_spawn_limit": 10}}}),
    helm_values=HELM_VALUES,
)

CLUSTERS = some(
    storage_class=NAMES,
    shared_storage_class=NAMES,
    ingress=st.one_of(
        some(class_name=NAMES, issuer=NAMES, tls=st.booleans()),
        st.just({"gateway": "gateways/public"}),
    ),
    nodes=some(user=st.just({"pool": "user"}), core=st.just({"pool": "core"})),
)

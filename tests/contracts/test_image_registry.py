"""What whoever knows the digests of images must say, however it is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hubfleet.kit.errors import HubfleetError
from hubfleet.replicate.images.client import DistributionRegistry
from hubfleet.replicate.images.reference import Reference, read_reference
from tests.registries import (
    NO_REGISTRY,
    Asked,
    MemoryRegistry,
    Reply,
    Shop,
    digest,
    index,
    manifest,
    over_http,
    real_program,
    real_registry,
    standing_in,
)

pytestmark = pytest.mark.integration

SHOPS = ("memory", "over http", "real", "real with tokens")


@pytest.fixture(scope="module", params=SHOPS)
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    if request.param.startswith("real") and real_program() is None:
        pytest.skip(NO_REGISTRY)
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("registry")
        match request.param:
            case "memory":
                yield MemoryRegistry()
            case "over http":
                yield stack.enter_context(over_http())
            case "real":
                yield stack.enter_context(real_registry(folder))
            case _:
                yield stack.enter_context(_with_tokens(folder))


@contextmanager
def _with_tokens(folder: Path) -> Iterator[Shop]:
    """A real registry that sends everybody to a token service first, which lets all read below
    `open/`, and nobody elsewhere.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    folder.mkdir(exist_ok=True)
    keys = {"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]}
    (folder / "jwks.json").write_text(json.dumps(keys))

    def signed(repository: str, *actions: str) -> str:
        now = int(time.time())
        access = [{"type": "repository", "name": repository, "actions": list(actions)}]
        claims = {"iss": "tests", "aud": "registry", "sub": "", "iat": now, "nbf": now - 5}
        claims |= {"exp": now + 60, "access": access}
        return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "one"})

    def answer(asked: Asked) -> Reply:
        query = parse_qs(urlsplit(asked.path).query)
        assert query["service"] == ["registry"]
        assert "Authorization" not in asked.headers
        (_, repository, wanted) = query["scope"][0].split(":")
        assert wanted == "pull"
        actions = ["pull"] if repository.startswith("open/") else []
        told = json.dumps({"token": signed(repository, *actions)}).encode()
        return Reply(200, {"Content-Type": "application/json"}, told)

    with standing_in(answer) as service:
        token = {
            "realm": f"http://{service.host}/token",
            "service": "registry",
            "issuer": "tests",
            "jwks": str(folder / "jwks.json"),
        }
        push = lambda repository: signed(repository, "pull", "push")  # noqa: E731
        with real_registry(folder, {"token": token}, push) as shop:
            shop.registry = DistributionRegistry([shop.host, service.host])
            yield shop


def image(shop: Shop, repository: str, tag: str = "1") -> Reference:
    found = read_reference(f"{shop.host}/{repository}:{tag}")
    assert found is not None
    return found


def test_the_digest_is_that_of_the_bytes_which_were_pushed(shop):
    shop.put("open/lab", "1", manifest("first"))
    assert shop.registry.digest_of(image(shop, "open/lab")) == digest(manifest("first"))


def test_an_image_for_several_machines_has_the_digest_of_its_index(shop):
    shop.put("open/lab", "all", index("many"))
    assert shop.registry.digest_of(image(shop, "open/lab", "all")) == digest(index("many"))


def test_a_tag_that_was_moved_means_another_digest(shop):
    shop.put("open/moved", "1", manifest("first"))
    before = shop.registry.digest_of(image(shop, "open/moved"))
    shop.put("open/moved", "1", manifest("second"))
    assert (
        shop.registry.digest_of(image(shop, "open/moved")) == digest(manifest("second")) != before
    )


def test_two_tags_of_one_image_mean_the_same(shop):
    for tag in ("2", "latest"):
        shop.put("open/twice", tag, manifest("first"))
    named = read_reference(f"{shop.host}/open/twice")
    assert named is not None
    assert shop.registry.digest_of(named) == shop.registry.digest_of(image(shop, "open/twice", "2"))


@pytest.mark.parametrize(("repository", "tag"), [("open/lab", "none"), ("open/none", "1")])
def test_an_image_that_is_not_there_is_not_found(shop, repository, tag):
    shop.put("open/lab", "1", manifest("first"))
    with pytest.raises(HubfleetError) as refused:
        shop.registry.digest_of(image(shop, repository, tag))
    assert refused.value.problems[0].code == "image-not-found"
    assert refused.value.problems[0].hint


def test_an_image_that_needs_an_account_is_told_apart(shop):
    if not shop.keeps_secrets:
        pytest.skip("this one lets everybody in")
    shop.put("closed/lab", "1", manifest("first"))
    with pytest.raises(HubfleetError) as refused:
        shop.registry.digest_of(image(shop, "closed/lab"))
    assert refused.value.problems[0].code == "image-needs-account"

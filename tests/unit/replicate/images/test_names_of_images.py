"""Names of images as Docker reads them, and where a declaration has them."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from hubfleet.fleet.fields import IMAGE_PATTERN
from hubfleet.replicate.images.found import images_in, with_digests
from hubfleet.replicate.images.reference import Reference, read_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "api", "repository", "tag", "digest"),
    [
        ("busybox", "registry-1.docker.io", "library/busybox", None, None),
        ("busybox:1.36", "registry-1.docker.io", "library/busybox", "1.36", None),
        ("jupyter/lab:x", "registry-1.docker.io", "jupyter/lab", "x", None),
        ("docker.io/busybox:1", "registry-1.docker.io", "library/busybox", "1", None),
        ("index.docker.io/a/b:1", "registry-1.docker.io", "a/b", "1", None),
        ("quay.io/a/b:1", "quay.io", "a/b", "1", None),
        ("quay.io/a/b/c/d:1", "quay.io", "a/b/c/d", "1", None),
        ("localhost/a:1", "localhost", "a", "1", None),
        ("localhost:5000/a:1", "localhost:5000", "a", "1", None),
        ("registry:5000/a/b:1", "registry:5000", "a/b", "1", None),
        (f"quay.io/a/b:1@{DIGEST}", "quay.io", "a/b", "1", DIGEST),
        (f"quay.io/a/b@{DIGEST}", "quay.io", "a/b", None, DIGEST),
    ],
)
def test_where_an_image_is(text, api, repository, tag, digest):
    found = read_reference(text)
    assert found is not None
    assert (found.api, found.repository, found.tag, found.digest) == (api, repository, tag, digest)
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Upper/case:1",
        "https://quay.io/a:1",
        "a b:1",
        "me:word@quay.io/a:1",
        "../../etc/passwd",
        "quay.io/../a:1",
        "quay.io/a:1?b",
        "quay.io/a:1\n",
        "a" * 600,
        "quay.io/a@sha256:short",
        "{{ image }}",
    ],
)
def test_what_is_no_name_of_an_image(text):
    assert read_reference(text) is None


WORD = some.text("ab0-._", max_size=6).map(lambda text: f"a{text}")
PATHS = some.lists(WORD, min_size=1, max_size=3).map("/".join)
HOSTS = some.sampled_from(["", "quay.io/", "localhost/", "r:5000/", "docker.io/", "a-b/"])
ENDS = some.sampled_from([":1", ":v1.2_3-x", f":1@{DIGEST}", f"@{DIGEST}", ":latest"])


@given(host=HOSTS, path=PATHS, end=ENDS)
def test_whatever_may_be_declared_is_read_and_written_again(host, path, end):
    text = f"{host}{path}{end}"
    assume(re.fullmatch(IMAGE_PATTERN, text))
    found = read_reference(text)
    assert found is not None
    assert found.text == text
    pinned = found.pinned(DIGEST).text
    assert re.fullmatch(IMAGE_PATTERN, pinned)
    again = read_reference(pinned)
    assert again is not None
    assert (again.api, again.repository) == (found.api, found.repository)
    assert again.pinned(DIGEST).text == pinned


DECLARED = {
    "title": "image",
    "page": {"image": "quay.io/not/asked:1"},
    "environment": {"image": "quay.io/a/typed:1"},
    "environments": {"gpu": {"image": "quay.io/a/gpu:1"}, "image": {"packages": ["six"]}},
    "helm_values": {
        "hub": {"image": {"name": "quay.io/a/hub", "tag": "2", "pullPolicy": "Always"}},
        "proxy": {"chp": {"image": {"tag": "only"}}},
        "prePuller": {"extraImages": {"more": {"name": "quay.io/a/more", "tag": "3"}}},
        "singleuser": {
            "extraContainers": [{"name": "side", "image": "busybox"}, {"image": 7}],
            "image": {"name": "quay.io/a/long:1@sha256", "tag": "0" * 64},
            "profileList": [{"kubespawner_override": {"image": "quay.io/a/gpu:1"}}],
        },
    },
    "jupyterhub": {"config": {"KubeSpawner": {"image": "not an image!"}}},
}


def test_every_image_of_a_declaration_is_found_with_its_field():
    found = {".".join(path): image.text for path, image in images_in(DECLARED)}
    assert found == {
        "environment.image": "quay.io/a/typed:1",
        "environments.gpu.image": "quay.io/a/gpu:1",
        "helm_values.hub.image": "quay.io/a/hub:2",
        "helm_values.prePuller.extraImages.more": "quay.io/a/more:3",
        "helm_values.singleuser.extraContainers.0.image": "busybox",
        "helm_values.singleuser.image": f"quay.io/a/long:1@sha256:{'0' * 64}",
        "helm_values.singleuser.profileList.0.kubespawner_override.image": "quay.io/a/gpu:1",
    }


def test_digests_are_written_behind_tags_and_all_else_stays():
    digests = {image: DIGEST for _, image in images_in(DECLARED) if image.digest is None}
    pinned = with_digests(DECLARED, digests)
    assert pinned["environment"] == {"image": f"quay.io/a/typed:1@{DIGEST}"}
    hub = pinned["helm_values"]["hub"]["image"]
    assert hub == {"name": "quay.io/a/hub", "tag": f"2@{DIGEST}", "pullPolicy": "Always"}
    side = pinned["helm_values"]["singleuser"]["extraContainers"][0]
    assert side == {"name": "side", "image": f"busybox:latest@{DIGEST}"}
    assert with_digests(DECLARED, {}) == DECLARED
    assert all(image.digest for _, image in images_in(pinned))
    again = {
        Reference(image.name, image.tag): "sha256:" + "f" * 64 for _, image in images_in(pinned)
    }
    assert with_digests(pinned, again) == pinned

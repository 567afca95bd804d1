"""Registries as the OCI's distribution specification has them, asked without an account.

`HEAD /v2/<name>/manifests/<tag>` names the digest, and counts at no registry as a download. Where
one asks for a token first, its token service gives one to anybody for a public image. The digest is
read and not computed: what a registry says wrongly here, no machine can fetch later.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from hubfleet.kit.errors import HubfleetError, failure
from hubfleet.replicate.images.network import (
    BY_HAND,
    Answer,
    Deadline,
    Network,
    Resolve,
    addresses_of,
    slow,
    strange,
)
from hubfleet.replicate.images.reference import Reference

SECONDS = 10.0
"""For one image: names, connections, tokens and redirects together."""
ALTOGETHER = 45.0
"""For all images of a bundle."""

_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_MOST_HOPS = 6
_MOST_MANIFEST = 4 * 1024 * 1024
"""The specification's own limit."""
_MOST_TOKEN = 64 * 1024

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")
_SCOPE = re.compile(r"repository:[a-z0-9][a-z0-9._/-]*:pull")
_QUOTED = re.compile(r'([a-z]+)="([^"]*)"')
_FOR_ALL = ("registry-unreachable", "registry-slow", "registry-inside", "registry-busy")
"""What one image meets, the others of the same registry would meet, too."""


class DistributionRegistry:
    """Any registry, by the names of images. For one export: it remembers who did not answer."""

    def __init__(
        self,
        inside: Collection[str] = (),
        *,
        seconds: float = SECONDS,
        altogether: float = ALTOGETHER,
        resolve: Resolve = addresses_of,
    ) -> None:
        self._network = Network(frozenset(inside), resolve)
        self._seconds, self._altogether = seconds, altogether
        self._until: Deadline | None = None
        self._troubles: dict[str, HubfleetError] = {}

    def digest_of(self, image: Reference) -> str:
        """See the port."""
        if image.host in self._troubles:
            raise self._troubles[image.host]
        self._until = self._until or Deadline(self._altogether)
        try:
            return _Question(self._network, image, self._until.sooner(self._seconds)).digest()
        except HubfleetError as error:
            if error.problems[0].code in _FOR_ALL:
                self._troubles[image.host] = error
            raise


class _Question:
    """One image. A token is kept with the address that asked for it, and shown to no other."""

    def __init__(self, network: Network, image: Reference, deadline: Deadline) -> None:
        self._network, self._image, self._deadline = network, image, deadline
        self._tokens: dict[str, str] = {}

    def digest(self) -> str:
        answer = self._manifest("HEAD")
        said = answer.headers.get("Docker-Content-Digest")
        if said is None:
            # The specification lets a registry leave it out.
            answer = self._manifest("GET")
            return f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if not _DIGEST.fullmatch(said):
            raise strange(self._image.host, "Its digest does not have the shape of one.")
        return said

    def _manifest(self, method: str) -> Answer:
        image = self._image
        if self._deadline.left <= 0:
            raise slow(image.host)
        scheme = self._network.scheme_of(image.api)
        url = f"{scheme}://{image.api}/v2/{image.repository}/manifests/{image.tag or 'latest'}"
        for _ in range(_MOST_HOPS):
            answer = self._ask(url, method)
            if answer.status in (301, 302, 303, 307, 308):
                url = self._next(url, answer)
            elif answer.status == 401 and _origin(url) not in self._tokens:
                self._tokens[_origin(url)] = self._token(answer)
            else:
                return self._judged(answer)
        raise strange(image.host, "It leads from one address to the next without an end.")

    def _ask(self, url: str, method: str) -> Answer:
        headers = {"Accept": ", ".join(_TYPES)}
        if token := self._tokens.get(_origin(url)):
            headers["Authorization"] = f"Bearer {token}"
        return self._network.ask(
            url,
            headers,
            registry=self._image.host,
            deadline=self._deadline,
            method=method,
            most=_MOST_MANIFEST if method == "GET" else 0,
        )

    def _next(self, url: str, answer: Answer) -> str:
        try:
            return urljoin(url, answer.headers.get("Location") or "")
        except ValueError:
            raise strange(self._image.host, "It leads to an address that is none.") from None

    def _token(self, refusal: Answer) -> str:
        """What the service that the registry names gives to anybody; kept nowhere."""
        host = self._image.host
        url = _token_address(refusal, self._image)
        if url is None:
            raise self._needs_account()
        answer = self._network.ask(
            url, {}, registry=host, deadline=self._deadline, most=_MOST_TOKEN
        )
        if answer.status in (401, 403):
            raise self._needs_account()
        try:
            told = json.loads(answer.body) if answer.status == 200 else None
        except (ValueError, RecursionError):
            told = None
        token = (told.get("token") or told.get("access_token")) if isinstance(told, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise strange(host, "It asks for a token, and what it names gives none.")
        return token

    def _judged(self, answer: Answer) -> Answer:
        """A good answer; raises for every other one."""
        host, image, status = self._image.host, self._image.text, answer.status
        if status in (401, 403):
            raise self._needs_account()
        if status == 404:
            raise failure(
                "image-not-found",
                f"the registry `{host}` has no image `{image}`",
                why="Nobody can fetch it, here or elsewhere.",
                hint="push it again, or declare one that is there",
            )
        if status == 429:
            raise failure(
                "registry-busy",
                f"the registry `{host}` was asked too often",
                hint=f"export again later, or {BY_HAND}",
            )
        if status != 200:
            raise failure(
                "registry-failed",
                f"the registry `{host}` answered {status}",
                hint=f"export again later, or {BY_HAND}",
            )
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if kind not in _TYPES:
            raise strange(host, "Its answer is not a manifest.")
        return answer

    def _needs_account(self) -> HubfleetError:
        return failure(
            "image-needs-account",
            f"the registry `{self._image.host}` shows `{self._image.text}` to nobody "
            "without an account",
            why="Elsewhere it cannot be fetched either, or there is no such image.",
            hint="push it to a public registry, and declare it from there",
        )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _token_address(refusal: Answer, image: Reference) -> str | None:
    """Where a token is had, by the refusal; None where only an account helps."""
    for line in refusal.headers.get_all("WWW-Authenticate", []):
        scheme, _, rest = line[:4096].partition(" ")
        said = dict(_QUOTED.findall(rest))
        realm = said.get("realm")
        if scheme.lower() != "bearer" or not realm:
            continue
        try:
            parts = urlsplit(realm)
        except ValueError:
            continue
        scope = said.get("scope", "")
        if not _SCOPE.fullmatch(scope):
            scope = f"repository:{image.repository}:pull"
        query = dict(parse_qsl(parts.query)) | {"scope": scope}
        if "service" in said:
            query["service"] = said["service"]
        return parts._replace(query=urlencode(query), fragment="").geturl()
    return None

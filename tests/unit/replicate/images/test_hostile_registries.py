"""Registries that are slow, broken or hostile: each is bounded, and none is given anything."""

from __future__ import annotations

import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hubfleet.kit.errors import HubfleetError
from hubfleet.replicate.images.client import DistributionRegistry
from hubfleet.replicate.images.network import is_public
from hubfleet.replicate.images.reference import Reference, read_reference
from tests.registries import INDEX, MANIFEST, Reply, digest, manifest, standing_in

DIGEST = "sha256:" + "a" * 64
GOOD = {"Content-Type": INDEX, "Docker-Content-Digest": DIGEST}
BY_HAND = "write the digest behind the tag, as `docker buildx imagetools inspect` shows it"


def named(text: str) -> Reference:
    found = read_reference(text)
    assert found is not None
    return found


def asking(server, *more, path="a/b:1", **options) -> str:
    """The digest, or the error's text with the host blotted out."""
    registry = DistributionRegistry([server.host, *(one.host for one in more)], **options)
    try:
        return registry.digest_of(named(f"{server.host}/{path}"))
    except HubfleetError as error:
        return str(error).replace(server.host, "HOST")


def test_the_digest_comes_by_one_question_without_a_download():
    with standing_in(lambda _: Reply(200, GOOD)) as server:
        assert asking(server) == DIGEST
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("HEAD", "/v2/a/b/manifests/1")
    assert "Authorization" not in asked.headers
    assert INDEX in asked.headers["Accept"]
    assert MANIFEST in asked.headers["Accept"]
    assert asked.headers["Host"] == server.host


def test_where_the_header_is_missing_the_manifest_itself_is_read():
    data = manifest("first")
    with standing_in(lambda _: Reply(200, {"Content-Type": MANIFEST}, data)) as server:
        assert asking(server) == digest(data)
    assert [one.method for one in server.asked] == ["HEAD", "GET"]


STRANGE = (
    "error[registry-answer-strange]: what answers at `HOST` is not a registry as the OCI \
describes it\n  why: {}\n  hint: check the image's name, or "
    + BY_HAND
)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, GOOD | {"Content-Type": "text/html"}), "Its answer is not a manifest."),
        (Reply(200, {"Docker-Content-Digest": DIGEST}), "Its answer is not a manifest."),
        (
            Reply(200, GOOD | {"Docker-Content-Digest": "sha256:short"}),
            "Its digest does not have the shape of one.",
        ),
        (
            Reply(200, GOOD | {"Docker-Content-Digest": DIGEST + "\\@evil"}),
            "Its digest does not have the shape of one.",
        ),
        (
            Reply(200, GOOD | {"Docker-Content-Digest": "sha512:" + "a" * 128}),
            "Its digest does not have the shape of one.",
        ),
        (Reply(raw=b"SSH-2.0-OpenSSH_9.9\r\n"), "Its answer is not HTTP."),
        (Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200), "Its answer is not HTTP."),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000), "Its answer is not HTTP."),
        (
            Reply(200, {"Content-Type": MANIFEST, "Content-Length": "5000000"}, b" " * 4_194_305),
            "Its answer is too large.",
        ),
        (
            Reply(200, {"Content-Type": MANIFEST, "Content-Length": "100"}, b"half of it"),
            "Its answer is not whole.",
        ),
        (
            Reply(302, {"Location": "/v2/a/b/manifests/1"}),
            "It leads from one address to the next without an end.",
        ),
        (Reply(307, {}), "It leads from one address to the next without an end."),
        (
            Reply(302, {"Location": "http://registry.example.org/"}),
            "It leads to an address that is not https.",
        ),
        (
            Reply(302, {"Location": "file:///etc/passwd"}),
            "It leads to an address that is not https.",
        ),
        (
            Reply(302, {"Location": "https://me:word@example.org/"}),
            "It leads to an address that is not https.",
        ),
        (Reply(302, {"Location": "https://[::1/"}), "It leads to an address that is none."),
        (Reply(302, {"Location": "https://a:99999/"}), "It leads to an address that is none."),
    ],
)
def test_an_answer_that_no_registry_gives(reply, expected):
    with standing_in(lambda _: reply) as server:
        assert asking(server) == STRANGE.format(expected)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            Reply(404),
            "error[image-not-found]: the registry `HOST` has no image `HOST/a/b:1`\n"
            "  why: Nobody can fetch it, here or elsewhere.\n"
            "  hint: push it again, or declare one that is there",
        ),
        (
            Reply(403),
            "error[image-needs-account]: the registry `HOST` shows `HOST/a/b:1` to nobody without "
            "an account\n"
            "  why: Elsewhere it cannot be fetched either, or there is no such image.\n"
            "  hint: push it to a public registry, and declare it from there",
        ),
        (
            Reply(429),
            "error[registry-busy]: the registry `HOST` was asked too often\n"
            f"  hint: export again later, or {BY_HAND}",
        ),
        (
            Reply(503),
            "error[registry-failed]: the registry `HOST` answered 503\n"
            f"  hint: export again later, or {BY_HAND}",
        ),
    ],
)
def test_a_refusal_is_told_with_a_cure(reply, expected):
    with standing_in(lambda _: reply) as server:
        assert asking(server) == expected


def test_a_registry_with_passwords_alone_needs_an_account():
    refusal = Reply(401, {"WWW-Authenticate": 'Basic realm="secret club"'})
    with standing_in(lambda _: refusal) as server:
        assert asking(server).startswith("error[image-needs-account]")
    assert len(server.asked) == 1


def drops(piece: bytes):
    """A little now and then, for as long as somebody listens."""
    while True:
        yield piece
        time.sleep(0.02)


SLOW = (
    "error[registry-slow]: the registry `HOST` did not answer in time\n"
    f"  hint: export again later, or {BY_HAND}"
)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (Reply(raw=b"", drip=drops(b"H")), None),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nA: ", drip=drops(b"b")), None),
        (Reply(raw=b"", drip=drops(b"HTTP/1.1 100 Continue\r\n\r\n")), None),
        (
            Reply(200, {"Content-Type": MANIFEST}),
            Reply(200, {"Content-Type": MANIFEST, "Content-Length": "1000"}, b"", drops(b" ")),
        ),
        (
            Reply(200, {"Content-Type": MANIFEST}),
            Reply(
                200,
                {"Content-Type": MANIFEST, "Transfer-Encoding": "chunked"},
                b"",
                drops(b"1\r\n \r\n"),
            ),
        ),
        (
            Reply(200, {"Content-Type": MANIFEST}),
            Reply(200, {"Content-Type": MANIFEST}, b"", drops(b" ")),
        ),
    ],
)
def test_who_drips_is_cut_off(head, body):
    with standing_in(lambda asked: head if asked.method == "HEAD" else body) as server:
        begun = time.monotonic()
        assert asking(server, seconds=0.4) == SLOW
        assert time.monotonic() - begun < 3


def test_a_name_that_nobody_resolves_in_time_holds_nothing_up():
    held = threading.Event()

    def resolve(_host, _port):
        held.wait(30)
        return []

    registry = DistributionRegistry(seconds=0.2, resolve=resolve)
    try:
        with pytest.raises(HubfleetError) as slow:
            registry.digest_of(named("registry.example.org/a:1"))
    finally:
        held.set()
    assert slow.value.problems[0].code == "registry-slow"


def test_a_registry_that_did_not_answer_is_not_asked_again_and_all_have_a_limit():
    names: list[str] = []

    def resolve(host, _port):
        names.append(host)
        raise OSError("nobody")

    registry = DistributionRegistry(resolve=resolve, altogether=60)
    told = []
    for text in ("registry.example.org/a:1", "registry.example.org/b:1", "quay.io/a/b:1"):
        with pytest.raises(HubfleetError) as failed:
            registry.digest_of(named(text))
        told.append(str(failed.value))
    assert names == ["registry.example.org", "quay.io"]
    assert told[0] == (
        "error[registry-unreachable]: the registry `registry.example.org` did not answer\n"
        "  why: Its name is not known.\n"
        f"  hint: export again where it can be reached, or {BY_HAND}"
    )
    over = DistributionRegistry(resolve=resolve, altogether=0)
    with pytest.raises(HubfleetError) as slow:
        over.digest_of(named("registry.example.org/a:1"))
    assert slow.value.problems[0].code == "registry-slow"


def test_one_missing_image_does_not_hide_the_others_of_its_registry():
    with standing_in(
        lambda asked: Reply(200, GOOD) if "/good/" in asked.path else Reply(404)
    ) as server:
        registry = DistributionRegistry([server.host])
        with pytest.raises(HubfleetError):
            registry.digest_of(named(f"{server.host}/bad:1"))
        assert registry.digest_of(named(f"{server.host}/good:1")) == DIGEST


# Where a name leads.


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "nonsense",
    ],
)
def test_an_address_inside_of_a_network_is_never_opened(address):
    assert not is_public(address)
    registry = DistributionRegistry(resolve=lambda _host, _port: [address])
    with pytest.raises(HubfleetError) as refused:
        registry.digest_of(named("registry.example.org/a:1"))
    assert str(refused.value) == (
        "error[registry-inside]: the registry `registry.example.org` is inside of a network\n"
        "  why: It has, or leads to, an address that nobody elsewhere reaches.\n"
        f"  hint: {BY_HAND}, or let it be asked with --inside-registry"
    )


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_an_address_of_the_whole_internet_may_be_opened(address):
    assert is_public(address)


def test_the_address_that_was_checked_is_the_one_that_is_opened():
    """A name that means another address the second time is not asked for a second time."""
    with standing_in(lambda _: Reply(200, GOOD)) as server:
        port = int(server.host.rpartition(":")[2])
        looked: list[str] = []

        def resolve(host, _port):
            looked.append(host)
            return ["127.0.0.1"] if len(looked) == 1 else ["127.0.0.2"]

        registry = DistributionRegistry([f"localhost:{port}"], resolve=resolve)
        assert registry.digest_of(named(f"localhost:{port}/a:1")) == DIGEST
        assert looked == ["localhost"]


def test_this_machine_is_not_asked_unless_it_was_named():
    with standing_in(lambda _: Reply(200, GOOD)) as server:
        with pytest.raises(HubfleetError) as refused:
            DistributionRegistry().digest_of(named(f"{server.host}/a:1"))
        assert refused.value.problems[0].code == "registry-inside"
        assert server.asked == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("by", ["redirect", "token"])
def test_nobody_is_led_to_another_service_of_this_network(scheme, by):
    """Such as the one with the machine's own credentials, or a database."""
    with standing_in(lambda _: Reply(200, {}, b'{"token": "x"}')) as victim:
        where = f"{scheme}://{victim.host}/latest/meta-data"
        reply = Reply(302, {"Location": where})
        if by == "token":
            reply = Reply(401, {"WWW-Authenticate": f'Bearer realm="{where}",service="s"'})
        with standing_in(lambda _: reply) as server:
            told = asking(server)
        assert told.startswith(("error[registry-inside]", "error[registry-answer-strange]"))
        assert victim.asked == []


# Tokens.


def with_token(realm: str, scope: str = "repository:a/b:pull"):
    """A registry that wants the token `letmein`."""

    def answer(asked):
        if asked.headers.get("Authorization") == "Bearer letmein":
            return Reply(200, GOOD)
        challenge = f'Bearer realm="{realm}",service="here",scope="{scope}"'
        return Reply(401, {"WWW-Authenticate": challenge})

    return answer


def test_a_token_is_fetched_without_an_account_and_shown_to_its_registry_alone():
    with (
        standing_in(lambda _: Reply(200, {}, b'{"access_token": "letmein"}')) as service,
        standing_in(with_token("unset")) as server,
    ):
        server.answer = with_token(f"http://{service.host}/token?account=nobody")
        assert asking(server, service) == DIGEST
    (asked,) = service.asked
    assert asked.path == "/token?account=nobody&scope=repository%3Aa%2Fb%3Apull&service=here"
    assert "Authorization" not in asked.headers


def test_a_token_does_not_follow_a_redirect_to_another_host():
    with (
        standing_in(lambda _: Reply(200, GOOD)) as other,
        standing_in(lambda _: Reply(200, {}, b'{"token": "letmein"}')) as service,
        standing_in(with_token("unset")) as server,
    ):
        wants = with_token(f"http://{service.host}/token")

        def answer(asked):
            reply = wants(asked)
            elsewhere = {"Location": f"http://{other.host}/v2/c/manifests/1"}
            return Reply(307, elsewhere) if reply.status == 200 else reply

        server.answer = answer
        assert asking(server, service, other) == DIGEST
    assert [one.headers.get("Authorization") for one in server.asked] == [None, "Bearer letmein"]
    assert [one.headers.get("Authorization") for one in other.asked] == [None]


def test_a_registry_cannot_widen_what_is_asked_for():
    with (
        standing_in(lambda _: Reply(200, {}, b'{"token": "letmein"}')) as service,
        standing_in(with_token("unset")) as server,
    ):
        realm = f"http://{service.host}/token"
        server.answer = with_token(realm, "repository:a/b:pull,push registry:catalog:*")
        assert asking(server, service) == DIGEST
    assert service.asked[0].path == "/token?scope=repository%3Aa%2Fb%3Apull&service=here"


NO_TOKEN = STRANGE.format("It asks for a token, and what it names gives none.")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, {}, b"<html>"), NO_TOKEN),
        (Reply(200, {}, b"[" * 60_000), NO_TOKEN),
        (Reply(200, {}, b'{"token": 7}'), NO_TOKEN),
        (Reply(200, {}, b'{"token": "a\\r\\nCookie: b"}'), NO_TOKEN),
        (Reply(302, {"Location": "https://example.org"}), NO_TOKEN),
        (Reply(500, {}, b"oh"), NO_TOKEN),
        (
            Reply(200, {}, b'{"token": "' + b"a" * 70_000 + b'"}'),
            STRANGE.format("Its answer is too large."),
        ),
        (Reply(401), "error[image-needs-account]"),
        (Reply(200, {}, b'{"token": "another"}'), "error[image-needs-account]"),
    ],
)
def test_a_token_service_that_gives_none(reply, expected):
    with standing_in(lambda _: reply) as service, standing_in(with_token("")) as server:
        server.answer = with_token(f"http://{service.host}/token")
        assert asking(server, service).startswith(expected)
    assert len(service.asked) == 1


# Encryption.


def certificate(folder, name: str):
    """A server's context for this name, and the file by which it is trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(private + pem)
    (folder / "trusted.pem").write_bytes(pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "both.pem")
    return server, folder / "trusted.pem"


@pytest.mark.parametrize(
    ("trusted", "name", "expected"),
    [
        (True, "registry.example.org", DIGEST),
        (True, "another.example.org", "error[registry-unreachable]"),
        (False, "registry.example.org", "error[registry-unreachable]"),
    ],
)
def test_a_registry_elsewhere_proves_who_it_is(tmp_path, monkeypatch, trusted, name, expected):
    tls, authority = certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with standing_in(lambda _: Reply(200, GOOD), tls) as server:
        port = server.host.rpartition(":")[2]
        host = f"registry.example.org:{port}"
        registry = DistributionRegistry([host], resolve=lambda _host, _port: ["127.0.0.1"])
        try:
            told = registry.digest_of(named(f"{host}/a:1"))
        except HubfleetError as error:
            told = str(error)
            assert "Its certificate is not one that is trusted here." in told
    assert told.startswith(expected)

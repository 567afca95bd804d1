"""Light checks against small servers on loopback, right, wrong, slow and away."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from hubfleet.probes.light import Address, LightLimits, check_hubs
from hubfleet.probes.person import probe_hub
from hubfleet.probes.target import Target

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
QUICK = LightLimits(connect=0.3, answer=0.3)


@asynccontextmanager
async def answering(answer: bytes | None, context: ssl.SSLContext | None = None):
    """A server that gives every caller these bytes; None: nothing, for ever."""
    heard: list[bytes] = []
    ended = asyncio.Event()

    async def serve(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is None:
            await ended.wait()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield port, heard
    finally:
        ended.set()
        server.close()
        await server.wait_closed()


def address(port: int, scheme: str = "http") -> Address:
    return Address("a/b", f"{scheme}://b-a.localhost:{port}/", ("127.0.0.1", port))


async def one(port: int, **more):
    [found] = await check_hubs([address(port)], limits=QUICK, **more)
    return found


async def test_a_hub_that_answers_is_healthy_and_is_asked_under_its_name():
    async with answering(OK) as (port, heard):
        found = await one(port)
    assert (found.verdict, found.cause, found.what) == ("healthy", "", "")
    assert heard[0].startswith(b"GET /hub/health HTTP/1.1\r\nHost: b-a.localhost:%d\r\n" % port)
    assert b"token" not in heard[0].lower()


@pytest.mark.parametrize(
    ("answer", "cause", "detail"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "proxy", "the proxy knows no hub of this name"),
        (b"HTTP/1.1 503 Away\r\n\r\n", "hub", "the proxy gets no answer from the hub"),
        (b"HTTP/1.1 500 Oh\r\n\r\n", "hub", "/hub/health answers with 500"),
        (b"SSH-2.0-OpenSSH\r\n", "proxy", "the answer was not understood"),
        (b"", "proxy", "the answer was not understood"),
        (b"HTTP/1.1 " + b"9" * 5000, "proxy", "the answer was not understood"),
        # Not even for a name that it does not know; `test_hanging` has the other case.
        (None, "proxy", "no answer within 0.3 s"),
    ],
)
async def test_wrong_answers_name_their_cause(answer, cause, detail):
    async with answering(answer) as (port, _):
        found = await one(port)
    assert (found.verdict, found.cause) == ("failed", cause)
    assert found.what.startswith(f"{cause}: ")
    assert found.what.endswith(f"({detail})")
    assert found.hint


async def test_a_port_on_which_nobody_listens_is_the_proxys_fault():
    async with answering(OK) as (port, _):
        pass
    found = await one(port)
    assert (found.verdict, found.cause) == ("failed", "proxy")


async def test_a_name_that_does_not_resolve_is_the_networks_fault():
    [found] = await check_hubs([Address("a/b", "http://hubfleet.invalid/")])
    assert (found.verdict, found.cause) == ("failed", "network")


async def test_one_that_hangs_holds_up_no_other_and_the_order_stays():
    async with answering(None) as (slow, _), answering(OK) as (quick, _):
        ports = [slow if number % 2 else quick for number in range(20)]
        addresses = [
            Address(f"a/h{number}", f"http://b-a.localhost:{port}/", ("127.0.0.1", port))
            for number, port in enumerate(ports)
        ]
        began = time.monotonic()
        found = await check_hubs(addresses, limits=QUICK)
    assert time.monotonic() - began < 2
    assert [one.hub for one in found] == [one.hub for one in addresses]
    assert [one.verdict for one in found] == ["healthy", "failed"] * 10


def certificate(folder, days: float) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context whose certificate ends in so many days, and a client's that trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "b-a.localhost")])
    end = datetime.now(UTC) + timedelta(days=days)
    names = [x509.DNSName("b-a.localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=90))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(private + pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


async def over_tls(folder, days: float, **more):
    server, client = certificate(folder, days)
    async with answering(OK, server) as (port, _):
        [found] = await check_hubs([address(port, "https")], context=client, **more)
    return found


async def test_a_certificate_that_is_good_for_long_is_healthy(tmp_path):
    found = await over_tls(tmp_path, 40.5)
    assert found.verdict == "healthy"
    assert found.certificate_until is not None
    assert (found.certificate_until - datetime.now(UTC)).days == 40


async def test_a_certificate_that_ends_soon_makes_the_hub_degraded(tmp_path):
    found = await over_tls(tmp_path, 9.5)
    assert (found.verdict, found.cause) == ("degraded", "certificate")
    assert found.what.endswith(", in 9 days)")
    assert (await over_tls(tmp_path, 9.5, certificate_days=5)).verdict == "healthy"


async def test_a_certificate_that_has_ended_is_the_certificates_fault(tmp_path):
    found = await over_tls(tmp_path, -1)
    assert (found.verdict, found.cause) == ("failed", "certificate")
    assert found.what.endswith("(certificate has expired)")


async def test_a_persons_path_names_the_certificate_too(tmp_path):
    server, _ = certificate(tmp_path, 40)
    async with answering(OK, server) as (port, _):
        url = f"https://b-a.localhost:{port}/"
        found = await probe_hub(Target("a/b", url, ("127.0.0.1", port), "u", "s3cret"))
    assert found.cause.startswith("certificate: browsers do not trust the hub's certificate")
    assert "self-signed certificate" in found.cause

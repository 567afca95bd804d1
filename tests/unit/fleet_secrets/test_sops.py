"""Files that sops encrypted, with the real program where it is installed.

`HUBFLEET_TEST_SOPS` may name the program; without it and without `sops` on the PATH the tests that
need it are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hubfleet.fleet.secrets.age import Identity
from hubfleet.fleet.secrets.secret import revealed, secrets_in
from hubfleet.fleet.secrets.secret_yaml import read_secret_file
from hubfleet.kit.errors import HubfleetError
from tests.unit.fleet_secrets.keyring import identity_in

SOPS = os.environ.get("HUBFLEET_TEST_SOPS") or shutil.which("sops")
needs_sops = pytest.mark.skipif(SOPS is None, reason="the program sops is not installed")

NAME = "prod.secret.yaml"
PLAIN = """\
# why
access:
    password: canary-7
    list:
        - canary-8
        - 3
    empty: ""
flag: true
"""
ENCRYPTED = "a:\n  b: ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\nsops:\n  version: '3'\n"


@pytest.fixture
def ada(tmp_path) -> Identity:
    return identity_in(tmp_path / "keys")


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A folder of programs that holds sops alone, and the place of the file."""
    programs = tmp_path / "bin"
    programs.mkdir()
    if SOPS:
        (programs / "sops").symlink_to(SOPS)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("SOPS_AGE_KEY_FILE", raising=False)
    return tmp_path / NAME


def encrypt(path: Path, identity: Identity) -> None:
    path.write_text(PLAIN)
    subprocess.run(
        ["sops", "encrypt", "--age", identity.public_keys()[0], "--in-place", str(path)],
        check=True,
        capture_output=True,
    )


def program(path: Path, script: str) -> None:
    sops = path.parent / "bin" / "sops"
    sops.unlink(missing_ok=True)
    sops.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    sops.chmod(0o700)


def failed(path: Path, identity: Identity) -> str:
    document = read_secret_file(path, NAME)
    assert document.problems == ()
    with pytest.raises(HubfleetError) as raised:
        revealed(document.value, identity)
    return str(raised.value)


@needs_sops
def test_a_file_of_sops_is_read_without_a_key_and_opened_with_one(path, ada, tmp_path):
    encrypt(path, ada)
    document = read_secret_file(path, NAME)
    assert document.problems == ()
    assert document.value is not None
    assert set(document.value) == {"access", "flag"}
    assert "canary" not in str(document.value)
    values = [secret.reveal(ada) for secret in secrets_in(document.value)]
    assert values == ["canary-7", "canary-8", 3, "", True]
    (tmp_path / "bin" / "sops").unlink()
    assert [p for p in tmp_path.rglob("*") if p.is_file() and b"canary" in p.read_bytes()] == []


@needs_sops
def test_an_unchanged_file_has_unchanged_marks(path, ada):
    encrypt(path, ada)
    one, two = (list(secrets_in(read_secret_file(path, NAME).value)) for _ in range(2))
    assert [secret.mark for secret in one] == [secret.mark for secret in two]
    assert len({secret.mark for secret in one}) == 5


@needs_sops
def test_another_key_does_not_open_it(path, ada, tmp_path):
    encrypt(path, ada)
    message = failed(path, identity_in(tmp_path, "other.key"))
    assert message.startswith(
        "error[sops-failed]: the program `sops` could not open this file\n  --> prod.secret.yaml:"
    )
    assert "\n  why: It ended with status " in message
    assert message.endswith("hint: run `sops decrypt prod.secret.yaml` and mend what it says")


@needs_sops
def test_a_changed_file_does_not_open(path, ada):
    encrypt(path, ada)
    text = path.read_text()
    start = text.index("data:", text.index("password:")) + 5
    path.write_text(text[:start] + ("A" if text[start] != "A" else "B") + text[start + 1 :])
    assert failed(path, ada).startswith("error[sops-failed]")


@needs_sops
def test_a_value_that_sops_left_plain_is_refused(path, ada):
    encrypt(path, ada)
    path.write_text("forgotten: canary-9\n" + path.read_text())
    (problem,) = read_secret_file(path, NAME).problems
    assert problem.code == "plain-in-secret-file"
    assert "canary" not in str(problem)


def test_without_sops_the_cure_is_named(path, ada):
    (path.parent / "bin" / "sops").unlink(missing_ok=True)
    path.write_text(ENCRYPTED)
    assert failed(path, ada) == (
        "error[sops-missing]: the program `sops` is needed to open this file\n"
        "  --> prod.secret.yaml:2:3\n"
        "  why: The file was encrypted with sops, and `sops` is not on the PATH.\n"
        "  hint: install sops, or move the values with `hubfleet secret set`"
    )


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("print('no key', file=sys.stderr); sys.exit(128)", "It ended with status 128: no key"),
        ("sys.exit(1)", "It ended with status 1."),
        ("print('canary-7')", "Its answer was not JSON."),
        ("print('{}')", "The file changed while it was read."),
    ],
)
def test_a_sops_that_fails_is_told_without_what_it_said_on_stdout(path, ada, script, why):
    program(path, script)
    path.write_text(ENCRYPTED)
    assert failed(path, ada) == (
        "error[sops-failed]: the program `sops` could not open this file\n"
        "  --> prod.secret.yaml:2:3\n"
        f"  why: {why}\n"
        "  hint: run `sops decrypt prod.secret.yaml` and mend what it says"
    )

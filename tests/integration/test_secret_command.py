"""`hubfleet secret` as people and scripts run it: real processes, a real editor, real files.

Every command also runs with a canary among its secrets, which must never be seen anywhere.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.fleets import write_fleet
from tests.places import until

pytestmark = pytest.mark.integration

CANARY = "canary-f00d-8c21"
HUB = "communities/reef/hubs/prod.secret.yaml"
KEY = "jupyterhub.config.SharedPasswordAuthenticator.user_password"


class Operator:
    """One person with a key of their own, at a fleet."""

    def __init__(self, fleet: Path, home: Path) -> None:
        self.fleet = fleet
        self.home = home
        self.key = home / ".config/hubfleet/age.key"
        self.seen: list[str] = []
        home.mkdir()

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("XDG_CONFIG_HOME", "VISUAL")}
        kept.pop("HUBFLEET_AGE_KEY_FILE", None)
        return {**kept, "HOME": str(self.home), "USER": self.home.name,
                "HUBFLEET_FLEET": str(self.fleet), **more}  # fmt: skip

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        code = "from hubfleet.cli import app, main\n" + MOUNT + "main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, "secret", *arguments],
            env=self.environment(**more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A test run in the background of a shell would hand down an ignored Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )

    def run(self, *arguments: str, value: str = "", **more: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr; watches the process' arguments as other people could."""
        process = self.start(*arguments, **more)
        watching = threading.Thread(target=self.watch, args=(process,))
        watching.start()
        out, err = process.communicate(value, timeout=60)
        watching.join()
        self.seen += [out, err]
        return process.returncode, out, err

    def watch(self, process: subprocess.Popen[str]) -> None:
        while process.poll() is None:
            for pid in (process.pid, *children(process.pid)):
                for name in ("cmdline", "environ"):
                    try:
                        data = Path(f"/proc/{pid}/{name}").read_bytes()
                    except OSError:
                        continue
                    if CANARY.encode() in data:
                        self.seen.append(f"/proc/{pid}/{name}: {CANARY}")
            time.sleep(0.02)

    def ok(self, *arguments: str, value: str = "", **more: str) -> str:
        code, out, err = self.run(*arguments, value=value, **more)
        assert (code, err) == (0, ""), err
        return out

    def fails(self, *arguments: str, value: str = "", **more: str) -> str:
        code, out, err = self.run(*arguments, value=value, **more)
        assert (code, out) == (1, ""), (code, out, err)
        return err.rstrip("\n")

    def public_key(self) -> str:
        return next(
            line.removeprefix("# public key: ")
            for line in self.key.read_text().splitlines()
            if line.startswith("# public key: ")
        )


# Until the group is part of the program, the tests hang it in themselves.
MOUNT = (
    "from hubfleet.cli import secret\n"
    "if 'secret' not in {group.name for group in app.registered_groups}:\n"
    "    app.add_typer(secret.app, name='secret')\n"
)


def children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


@pytest.fixture
def fleet(tmp_path):
    root = tmp_path / "fleet"
    write_fleet(root, {"reef/prod": {}, "reef/staging": {"stage": "staging"}})
    return root


@pytest.fixture
def ada(fleet, tmp_path):
    left_before = private_folders()
    person = Operator(fleet, tmp_path / "ada")
    yield person
    assert not [text for text in person.seen if CANARY in text]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "editor"]
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]
    assert private_folders() <= left_before | private_folders_of_others()


def private_folders() -> set[Path]:
    return {*Path("/dev/shm").glob("hubfleet-*")}


def private_folders_of_others() -> set[Path]:
    """Of tests that run at the same time: theirs hold no file of ours."""
    return {p for p in private_folders() if not (p / Path(HUB).name).exists()}


@pytest.fixture
def begun(ada):
    ada.ok("init")
    ada.ok("set", "reef/prod", KEY, value=CANARY + "\n")
    return ada


def editor(tmp_path: Path, script: str) -> str:
    path = tmp_path / "editor"
    path.write_text(
        f"#!{sys.executable}\nimport sys, pathlib, os\np = pathlib.Path(sys.argv[-1])\n{script}\n"
    )
    path.chmod(0o700)
    return str(path)


def test_a_fleet_gets_its_first_secret(ada, fleet):
    said = ada.ok("init")
    assert said == (
        f"Your private key was made: {ada.key}\n"
        "Back it up where only you can read it: without it, what is encrypted for you\n"
        "alone is lost. It must never be committed.\n"
        f"Your public key: {ada.public_key()}\n"
        "recipients.yaml was made; commit it. Next:\n"
        "  hubfleet secret set community/hub KEY\n"
    )
    assert ada.key.stat().st_mode & 0o777 == 0o600
    assert ada.key.parent.stat().st_mode & 0o777 == 0o700
    assert ada.ok("set", "reef/prod", KEY, value=CANARY + "\n") == (
        f"{HUB}: {KEY} was set for 1 recipient\n"
    )
    assert (
        (fleet / HUB)
        .read_text()
        .startswith(
            "jupyterhub:\n  config:\n    SharedPasswordAuthenticator:\n      user_password: age:"
        )
    )
    assert ada.ok("check") == "1 secret in 1 file for ada, no problem found\n"
    assert json.loads(ada.ok("check", "--json")) == {
        "ok": True, "files": 1, "values": 1, "recipients": ["ada"], "problems": [],
    }  # fmt: skip


def test_looking_and_planning_need_no_key_and_show_marks_only(begun, fleet, tmp_path):
    begun.key.unlink()
    sealed = (fleet / HUB).read_text().split("age:")[1].strip()
    for arguments in (
        ["validate", "--json"],
        ["explain", "reef/prod", "--json"],
        ["plan", "--json"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "hubfleet", *arguments],
            env=begun.environment(HUBFLEET_STATE=str(tmp_path / "state")),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        begun.seen += [done.stdout, done.stderr]
        assert sealed not in done.stdout
        assert ("<secret " in done.stdout) == (arguments[0] != "validate")


def test_init_a_second_time_changes_nothing(begun, fleet):
    before = begun.key.read_text(), (fleet / "recipients.yaml").read_text()
    assert begun.ok("init") == (
        f"Your private key is there already: {begun.key}\n"
        f"Your public key: {begun.public_key()}\n"
        "You are among the recipients.\n"
    )
    assert (begun.key.read_text(), (fleet / "recipients.yaml").read_text()) == before


def test_a_colleague_is_let_in_and_out_again(begun, fleet, tmp_path):
    bo = Operator(fleet, tmp_path / "bo")
    assert bo.ok("init").endswith(
        "You are not among the recipients yet. Ask one of them to run\n"
        f"  hubfleet secret add-recipient bo {bo.public_key()}\n"
    )
    assert "error[secret-not-for-you]" in bo.fails("check")
    assert begun.ok("add-recipient", "bo", bo.public_key()) == (
        "1 value in 1 file encrypted anew\nbo can open the secrets once this is committed.\n"
    )
    assert bo.ok("check") == "1 secret in 1 file for ada, bo, no problem found\n"
    text = (fleet / HUB).read_text()
    assert begun.ok("add-recipient", "bo", bo.public_key()).startswith("0 values in 0 files")
    assert (fleet / HUB).read_text() == text
    assert begun.ok("remove-recipient", "bo") == (
        "1 value in 1 file encrypted anew\n"
        "bo cannot open what is encrypted from now on.\n"
        "They may have kept the values, and the old ciphertext stays in git: change every\n"
        "password and token where it is valid, then `hubfleet secret set` the new ones.\n"
    )
    assert "error[not-a-recipient]: your key is not among the recipients" in bo.fails("check")
    assert begun.ok("check") == "1 secret in 1 file for ada, no problem found\n"
    assert not [text for text in bo.seen if CANARY in text]


def test_who_cannot_open_the_secrets_lets_nobody_in(begun, fleet, tmp_path):
    bo = Operator(fleet, tmp_path / "bo")
    bo.ok("init")
    before = (fleet / "recipients.yaml").read_text()
    assert bo.fails("add-recipient", "bo", bo.public_key()).startswith("error[secret-not-for-you]")
    assert (fleet / "recipients.yaml").read_text() == before


def test_mistakes_with_recipients_are_told(begun):
    assert begun.fails("remove-recipient", "bo") == (
        "error[unknown-recipient]: no recipient is called `bo`\n"
        "  --> recipients.yaml\n"
        "  hint: known: ada"
    )
    assert begun.fails("remove-recipient", "ada") == (
        "error[own-recipient]: you cannot remove yourself\n"
        "  --> recipients.yaml\n"
        "  why: You could not open what you have just encrypted.\n"
        "  hint: let another recipient do it"
    )
    assert begun.fails("add-recipient", "bo", begun.public_key()) == (
        "error[duplicate-recipient]: `ada` is among the recipients already\n"
        "  --> recipients.yaml:3:5\n"
        "  why: It has this key.\n"
        "  hint: remove it first: `hubfleet secret remove-recipient ada`"
    )
    assert begun.fails("add-recipient", "bo", "age1x").startswith(
        "error[bad-recipient-key]: `age1x`"
    )


def test_a_changed_list_of_recipients_is_found_and_mended(begun, fleet, tmp_path):
    bo = Operator(fleet, tmp_path / "bo")
    bo.ok("init")
    with (fleet / "recipients.yaml").open("a") as file:
        file.write(f"  - {{name: bo, key: {bo.public_key()}}}\n")
    assert begun.fails("check") == (
        "error[wrong-recipients]: values here are encrypted for other recipients than the fleet's\n"
        f"  --> {HUB}\n"
        "  why: recipients.yaml was changed since, or a change was cut short.\n"
        "  hint: run `hubfleet secret reencrypt`"
    )
    assert begun.ok("reencrypt") == "1 value in 1 file encrypted anew\n"
    bo.ok("check")


def test_an_edit_changes_one_value(begun, fleet, tmp_path):
    begun.ok("set", "reef/prod", "jupyterhub.config.A.b", "--parse", value="[1, two]")
    with (fleet / HUB).open("a") as file:
        file.write("# at the end\n")
    before = (fleet / HUB).read_text().splitlines()
    change = f"""
assert p.stat().st_mode & 0o777 == 0o600 and p.parent.stat().st_mode & 0o777 == 0o700
assert str(p).startswith("/dev/shm/") or not os.access("/dev/shm", os.W_OK)
text = p.read_text()
assert 'user_password: "{CANARY[:6]}' in text, text
p.with_name(".backup~").write_text(text)
p.write_text(text.replace("two", "three"))
"""
    assert begun.ok("edit", "reef/prod", EDITOR=editor(tmp_path, change)) == (
        f"{HUB}: 1 value encrypted, the others are as they were\n"
    )
    after = (fleet / HUB).read_text().splitlines()
    assert [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [5]
    assert begun.ok("edit", "reef/prod", EDITOR="true") == f"{HUB}: nothing was changed\n"
    begun.ok("check")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "error[no-editor]: no editor is set\n"
             "  why: `secret edit` opens the program that $VISUAL or $EDITOR names.\n"
             "  hint: set one: `export EDITOR=nano`; or use `hubfleet secret set`"),
        ("no-such-editor --wait",
             "error[editor-not-started]: the editor `no-such-editor` cannot be started; "
             "nothing was changed\n"
             "  why: No such file or directory.\n"
             "  hint: set $EDITOR to a program that is installed, such as nano"),
        ("false", "error[editor-failed]: the editor `false` ended with status 1; "
             "nothing was changed\n"
             "  hint: edit again; what you wrote was wiped"),
    ],
)  # fmt: skip
def test_an_editor_that_fails_changes_nothing(begun, fleet, command, message):
    before = (fleet / HUB).read_text()
    assert begun.fails("edit", "reef/prod", EDITOR=command) == message
    assert (fleet / HUB).read_text() == before


def test_an_edit_that_is_broken_or_lost_changes_nothing(begun, fleet, tmp_path):
    before = (fleet / HUB).read_text()
    broken = editor(tmp_path, f"p.write_text('a: [{CANARY}')")
    assert begun.fails("edit", "reef/prod", EDITOR=broken).startswith("error[edited-not-yaml]: ")
    lost = editor(tmp_path, "p.unlink()")
    assert begun.fails("edit", "reef/prod", EDITOR=lost).startswith("error[editor-failed]: ")
    assert (fleet / HUB).read_text() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_an_edit_that_is_ended_from_outside_wipes_what_it_showed(begun, tmp_path, number):
    started = tmp_path / "started"
    waits = editor(tmp_path, f"pathlib.Path({str(started)!r}).write_text(str(p)); sys.stdin.read()")
    process = begun.start("edit", "reef/prod", EDITOR=waits)
    until(lambda: started.exists() and started.read_text(), "the editor")
    shown = Path(started.read_text())
    process.send_signal(number)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(timeout=30)
    assert process.stdout is not None
    assert process.stderr is not None
    begun.seen += [process.stdout.read(), process.stderr.read()]
    process.stdout.close()
    process.stderr.close()
    assert process.returncode != 0
    assert not shown.parent.exists()


def test_a_key_is_replaced_and_the_old_one_kept_until_all_is_well(begun, fleet):
    old = begun.key.read_text()
    said = begun.ok("rotate")
    assert said == (
        "1 value in 1 file encrypted anew\n"
        f"Your new key: {begun.key}; back it up. Public: {begun.public_key()}\n"
        f"The old one is kept aside: {begun.key}.old\n"
        "When the fleet is committed and `hubfleet secret check` finds nothing:\n"
        "  hubfleet secret rotate --finish\n"
        "If somebody else had the old key, change every password and token as well.\n"
    )
    aside = Path(f"{begun.key}.old")
    assert aside.read_text() == old
    assert {aside.stat().st_mode & 0o777, begun.key.stat().st_mode & 0o777} == {0o600}
    assert begun.public_key() not in old
    assert begun.key.read_text().count("AGE-SECRET-KEY-1") == 1
    begun.ok("check")
    assert begun.fails("check", HUBFLEET_AGE_KEY_FILE=str(aside)).count("error[") == 2
    assert begun.fails("rotate") == (
        "error[rotation-not-finished]: the key of an earlier rotation is still kept aside\n"
        f"  --> {aside}\n"
        "  why: It may be the only one that opens older copies of the fleet.\n"
        "  hint: run `hubfleet secret check`, then `hubfleet secret rotate --finish`"
    )
    assert begun.ok("rotate", "--finish") == f"The old key was deleted: {aside}\n"
    assert not aside.exists()
    assert begun.ok("rotate", "--finish") == "No old key is kept aside.\n"


def test_a_rotation_that_was_cut_off_goes_on(begun, fleet):
    from hubfleet.fleet.secrets.age import Identity
    from hubfleet.fleet.secrets.own_key import begin_rotation

    begin_rotation(Identity(begun.key))
    begun.ok("check")
    new = begun.public_key()
    begun.ok("rotate")
    assert begun.public_key() == new
    begun.ok("check")


def test_check_finds_what_stands_in_the_open(begun, fleet):
    with (fleet / "fleet.yaml").open("a") as file:
        file.write("# ghp_" + "a1" * 18 + "\n")
    (fleet / "clusters/lost.secret.yaml").write_text("defaults:\n  x: plain\n")
    report = json.loads(begun.run("check", "--json")[1])
    assert [(p["code"], p["place"].split(":")[0]) for p in report["problems"]] == [
        ("secret-beside-nothing", "clusters/lost.secret.yaml"),
        ("plain-in-secret-file", "clusters/lost.secret.yaml"),
        ("secret-in-plain-file", "fleet.yaml"),
    ]


def test_a_key_inside_the_fleet_is_told(begun, fleet):
    inside = fleet / "age.key"
    begun.key.rename(inside)
    assert "error[identity-in-fleet]: your private key lies in the fleet's folder" in begun.fails(
        "check", HUBFLEET_AGE_KEY_FILE=str(inside)
    )


def test_what_is_meant_must_be_there(begun, fleet):
    begun.ok("set", "fleet.yaml", "defaults.jupyterhub.config.A.b", value="x")
    assert (fleet / "fleet.secret.yaml").exists()
    begun.ok("set", "communities/reef/community.secret.yaml", "defaults.a", value="x")
    assert begun.fails("set", "reef/none", "a", value="x") == (
        "error[no-such-declaration]: `reef/none` is neither a hub nor a file of the fleet\n"
        f"  --> {fleet}\n"
        "  why: A file *.secret.yaml stands beside the file whose values it holds.\n"
        "  hint: name a hub as community/hub, or a file such as "
        "communities/earth-lab/community.yaml"
    )
    assert begun.fails("set", "../../etc/x.yaml", "a", value="x").startswith("error[no-such-decl")


def test_values_that_cannot_be_are_refused_without_being_shown(begun):
    assert begun.fails("set", "reef/prod", "a") == (
        "error[empty-value]: the value is empty\n  hint: give it on stdin or at the prompt"
    )
    assert begun.fails("set", "reef/prod", "a", "--parse", value=f"[{CANARY}") == (
        "error[value-not-yaml]: the value cannot be read as YAML\n"
        '  hint: put text in quotes; write lists as ["a", "b"]'
    )


def test_a_file_of_sops_is_left_to_sops(begun, fleet):
    (fleet / HUB).write_text(
        "a: ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\nsops: {version: '3'}\n"
    )
    assert begun.fails("set", "reef/prod", "a", value="x") == (
        "error[sops-file]: this file is encrypted with sops, not by hubfleet\n"
        f"  --> {HUB}\n"
        f"  hint: change it with `sops edit {HUB}`"
    )


def test_a_prompt_hides_what_is_typed(begun, fleet):
    import pty

    primary, secondary = pty.openpty()
    code = "from hubfleet.cli import app, main\n" + MOUNT + "main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "secret", "set", "reef/staging", KEY],
        env=begun.environment(), stdin=secondary, stdout=secondary, stderr=secondary,
        start_new_session=True,
    )  # fmt: skip
    os.close(secondary)
    shown = b""
    for question in (b"Value", b"Repeat"):
        while question not in shown:
            shown += os.read(primary, 1000)
        # Only once the echo is off: whoever types ahead sees what they type.
        import termios

        until(lambda: not termios.tcgetattr(primary)[3] & termios.ECHO, "a hidden prompt")
        os.write(primary, CANARY.encode() + b"\n")
    while True:
        try:
            data = os.read(primary, 1000)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(primary)
    assert process.wait(timeout=30) == 0, shown
    begun.seen.append(shown.decode())
    assert (fleet / "communities/reef/hubs/staging.secret.yaml").exists()

"""`hubfleet secret`: encrypted values in the declaration, and who may open them.

Values come from stdin or a hidden prompt, never from the command's arguments, and are never
printed.
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from hubfleet.fleet.secrets.age import Identity
    from hubfleet.fleet.secrets.fleet_files import SealedAnew

app = typer.Typer(
    name="secret",
    cls=WholeSentences,
    help="Keep passwords and tokens in the fleet, encrypted.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Meant = Annotated[
    str, typer.Argument(metavar="HUB|FILE", help="community/hub, or a file of the fleet.")
]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Who it is, as in recipients.yaml.")]


@app.command()
def init(
    name: Annotated[
        str | None, typer.Option("--name", help="Your name among the recipients.")
    ] = None,
    fleet: options.Fleet = None,
) -> None:
    """Make your private key, and recipients.yaml with its public part, where they are missing."""
    from hubfleet.fleet.secrets import own_key, recipients
    from hubfleet.fleet.secrets.age import Identity

    root = _root(fleet)
    identity = Identity()
    if identity.path.exists():
        public = identity.public_keys()[0]
        output.say(f"Your private key is there already: {identity.path}")
    else:
        public = own_key.make_identity(identity.path).public_keys()[0]
        output.say(f"Your private key was made: {identity.path}")
        output.say("Back it up where only you can read it: without it, what is encrypted for you")
        output.say("alone is lost. It must never be committed.")
    output.say(f"Your public key: {public}")
    if not (root / recipients.RECIPIENTS_FILE).exists():
        text = recipients.text_with(root, name or getpass.getuser(), public)
        recipients.write_recipients(root, text)
        output.say(f"{recipients.RECIPIENTS_FILE} was made; commit it. Next:")
        output.say("  hubfleet secret set community/hub KEY")
    elif public in {recipient.key for recipient in recipients.read_recipients(root)}:
        output.say("You are among the recipients.")
    else:
        output.say("You are not among the recipients yet. Ask one of them to run")
        output.say(f"  hubfleet secret add-recipient {name or getpass.getuser()} {public}")


@app.command("add-recipient")
def add_recipient(
    name: _Name,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Their public key, age1...")],
    fleet: options.Fleet = None,
) -> None:
    """Let somebody open the fleet's secrets: encrypt all of them anew, for them too."""
    from hubfleet.fleet.secrets import recipients
    from hubfleet.fleet.secrets.age import Identity
    from hubfleet.kit.errors import HubfleetError, failure

    root, identity = _root(fleet), Identity()
    fault = recipients.key_fault(key)
    if fault:
        raise HubfleetError(fault)
    known = recipients.read_recipients(root)
    for other in known:
        if (other.name == name) != (other.key == key):
            raise failure(
                "duplicate-recipient",
                f"`{other.name}` is among the recipients already",
                place=other.place,
                why="It has this key." if other.key == key else "It has another key.",
                hint=f"remove it first: `hubfleet secret remove-recipient {other.name}`",
            )
    keys = [*(recipient.key for recipient in known), key]
    _refuse_unless_open(root, identity)
    recipients.write_recipients(root, recipients.text_with(root, name, key))
    _say_sealed(_seal_all(root, keys, identity))
    output.say(f"{name} can open the secrets once this is committed.")


@app.command("remove-recipient")
def remove_recipient(name: _Name, fleet: options.Fleet = None) -> None:
    """Encrypt all secrets anew without somebody, who may have kept the old ones."""
    from hubfleet.fleet.secrets import own_key, recipients
    from hubfleet.fleet.secrets.age import Identity
    from hubfleet.kit.errors import failure

    root, identity = _root(fleet), Identity()
    known = recipients.read_recipients(root)
    if name not in {recipient.name for recipient in known}:
        raise failure(
            "unknown-recipient",
            f"no recipient is called `{name}`",
            place=recipients.RECIPIENTS_FILE,
            hint=f"known: {', '.join(recipient.name for recipient in known)}",
        )
    if own_key.own_recipient(identity, known).name == name:
        raise failure(
            "own-recipient",
            "you cannot remove yourself",
            place=recipients.RECIPIENTS_FILE,
            why="You could not open what you have just encrypted.",
            hint="let another recipient do it",
        )
    _refuse_unless_open(root, identity)
    recipients.write_recipients(root, recipients.text_without(root, name))
    _say_sealed(_seal_all(root, [r.key for r in known if r.name != name], identity))
    output.say(f"{name} cannot open what is encrypted from now on.")
    output.say("They may have kept the values, and the old ciphertext stays in git: change every")
    output.say("password and token where it is valid, then `hubfleet secret set` the new ones.")


@app.command()
def reencrypt(fleet: options.Fleet = None) -> None:
    """Encrypt for exactly the people in recipients.yaml whatever is not; finishes cut-off work."""
    from hubfleet.fleet.secrets import own_key, recipients
    from hubfleet.fleet.secrets.age import Identity

    root, identity = _root(fleet), Identity()
    known = recipients.read_recipients(root)
    own_key.own_recipient(identity, known)
    _say_sealed(_seal_all(root, [recipient.key for recipient in known], identity))


@app.command("set")
def set_value(
    meant: _Meant,
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Such as jupyterhub.config.X.client_secret.")
    ],
    parse: Annotated[
        bool, typer.Option("--parse", help="The value is YAML: a number, a list, a mapping.")
    ] = False,
    fleet: options.Fleet = None,
) -> None:
    """Set one secret; its value comes from stdin, or from a prompt that hides it."""
    from hubfleet.fleet.secrets import fleet_files, rewriting
    from hubfleet.fleet.secrets.keys import key_text, parse_key
    from hubfleet.fleet.secrets.round_trip import write_declaration

    root = _root(fleet)
    name = fleet_files.secret_file_for(root, meant)
    fleet_files.refuse_sops(root, name)
    path = parse_key(key)
    target = _target(root, name)
    value = _value(parse=parse)
    text = _text(root / name)
    write_declaration(root / name, rewriting.with_value(text, path, value, target))
    output.say(f"{name}: {key_text(path)} was set for {_count(len(target.keys), 'recipient')}")


@app.command()
def edit(meant: _Meant, fleet: options.Fleet = None) -> None:
    """Open a secret file in $EDITOR; only values that you change are encrypted anew."""
    from hubfleet.cli.secret_editor import edited
    from hubfleet.fleet.secrets import fleet_files, rewriting
    from hubfleet.fleet.secrets.age import Identity
    from hubfleet.fleet.secrets.round_trip import write_declaration

    root, identity = _root(fleet), Identity()
    name = fleet_files.secret_file_for(root, meant)
    fleet_files.refuse_sops(root, name)
    target = _target(root, name)
    old = _text(root / name)
    before = rewriting.open_text(old, name, identity) if old else ""
    after = edited(before, name)
    if after == before:
        output.say(f"{name}: nothing was changed")
        return
    text, count = rewriting.seal_edited(old, after, target, identity)
    write_declaration(root / name, text)
    output.say(f"{name}: {_count(count, 'value')} encrypted, the others are as they were")


@app.command()
def rotate(
    finish: Annotated[
        bool, typer.Option("--finish", help="Delete the old key that a rotation kept aside.")
    ] = False,
    fleet: options.Fleet = None,
) -> None:
    """Replace your own key: make a new one, encrypt all secrets for it, keep the old one aside."""
    from hubfleet.fleet.secrets import own_key, recipients
    from hubfleet.fleet.secrets.age import Identity

    root, identity = _root(fleet), Identity()
    if finish:
        _finish_rotation(root, identity)
        return
    known = recipients.read_recipients(root)
    own = own_key.own_recipient(identity, known)
    _refuse_unless_open(root, identity)
    identity = own_key.begin_rotation(identity)
    public = identity.public_keys()[0]
    recipients.write_recipients(root, recipients.text_with(root, own.name, public))
    keys = [public if r.name == own.name else r.key for r in known]
    _say_sealed(_seal_all(root, keys, identity))
    own_key.end_rotation(identity)
    output.say(f"Your new key: {identity.path}; back it up. Public: {public}")
    output.say(f"The old one is kept aside: {own_key.kept_aside(identity)}")
    output.say("When the fleet is committed and `hubfleet secret check` finds nothing:")
    output.say("  hubfleet secret rotate --finish")
    output.say("If somebody else had the old key, change every password and token as well.")


@app.command()
def check(fleet: options.Fleet = None, as_json: options.Json = False) -> None:
    """Does every secret open with your key, for the right recipients, and is none in the open?"""
    from hubfleet.fleet.secrets.age import Identity
    from hubfleet.fleet.secrets.check import check_secrets

    checked = check_secrets(_root(fleet), Identity())
    if as_json:
        output.print_json(
            {
                "ok": not checked.problems,
                "files": checked.files,
                "values": checked.values,
                "recipients": list(checked.recipients),
                "problems": [problem.as_json() for problem in checked.problems],
            }
        )
    elif checked.problems:
        output.print_problems(checked.problems)
    else:
        people = ", ".join(checked.recipients) or "nobody"
        found = f"{_count(checked.values, 'secret')} in {_count(checked.files, 'file')}"
        output.say(f"{found} for {people}, no problem found")
    if checked.problems:
        raise typer.Exit(exits.FAILED)


def _root(fleet: Path | None) -> Path:
    """The fleet's folder alone: a fleet with mistakes in it can still be given its secrets."""
    from hubfleet.fleet.folder import find_root

    return find_root(fleet or Path.cwd())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _target(root: Path, name: str) -> Any:
    from hubfleet.fleet.secrets.recipients import read_recipients
    from hubfleet.fleet.secrets.rewriting import Target

    return Target(name, [recipient.key for recipient in read_recipients(root)])


def _refuse_unless_open(root: Path, identity: Identity) -> None:
    """Before anything is written: whoever cannot open a value cannot encrypt it anew."""
    from hubfleet.fleet.secrets.fleet_files import refuse_unless_open

    refuse_unless_open(root, identity)


def _seal_all(root: Path, keys: list[str], identity: Identity) -> SealedAnew:
    from hubfleet.fleet.secrets.fleet_files import seal_all

    return seal_all(root, keys, identity)


def _say_sealed(sealed: SealedAnew) -> None:
    output.say(f"{_count(sealed.values, 'value')} in {_count(sealed.files, 'file')} encrypted anew")
    for name in sealed.sops_files:
        output.say(f"{name} belongs to sops: run `sops updatekeys {name}`")


def _finish_rotation(root: Path, identity: Identity) -> None:
    from hubfleet.fleet.secrets import own_key

    _refuse_unless_open(root, identity)
    gone = own_key.forget_old_key(identity)
    output.say("No old key is kept aside." if gone is None else f"The old key was deleted: {gone}")


def _value(*, parse: bool) -> Any:
    """From the prompt, asked twice, or all of stdin without one final line break."""
    from hubfleet.kit.errors import failure

    if sys.stdin.isatty():
        text = typer.prompt("Value", hide_input=True, confirmation_prompt=True)
    else:
        try:
            text = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
        except UnicodeDecodeError:
            raise failure(
                "value-not-text",
                "the value is not UTF-8 text",
                hint="encode it, for example with base64",
            ) from None
    if not text:
        raise failure("empty-value", "the value is empty", hint="give it on stdin or at the prompt")
    return _parsed(text) if parse else text


def _parsed(text: str) -> Any:
    """The value as YAML; its text is in no message."""
    from textwrap import indent

    from hubfleet.fleet.yaml import parse_yaml
    from hubfleet.kit.errors import failure

    document = parse_yaml(f"value:\n{indent(text, '  ')}\n", "stdin")
    if document.value is None or document.problems or set(document.value) != {"value"}:
        raise failure(
            "value-not-yaml",
            "the value cannot be read as YAML",
            hint='put text in quotes; write lists as ["a", "b"]',
        )
    return document.value["value"]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

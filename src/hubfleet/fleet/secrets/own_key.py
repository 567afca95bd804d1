"""The operator's own key file: made once, kept private, replaced in steps that survive a crash."""

from __future__ import annotations

from pathlib import Path

from hubfleet.fleet.secrets.age import Identity, pyrage
from hubfleet.fleet.secrets.recipients import Recipient
from hubfleet.kit.clock import timestamp
from hubfleet.kit.errors import failure
from hubfleet.kit.files import PRIVATE_FILE, PRIVATE_FOLDER, write_atomically


def make_identity(path: Path) -> Identity:
    """A new private key in a new file of mode 0600."""
    _write(path, _key_lines())
    return Identity(path)


def own_recipient(identity: Identity, recipients: tuple[Recipient, ...]) -> Recipient:
    """Which recipient the identity is; raises `not-a-recipient`."""
    keys = identity.public_keys()
    for recipient in recipients:
        if recipient.key in keys:
            return recipient
    raise failure(
        "not-a-recipient",
        "your key is not among the recipients",
        place="recipients.yaml",
        why=f"Your public key is {keys[0]}.",
        hint=f"ask a recipient to run `hubfleet secret add-recipient NAME {keys[0]}`",
    )


def kept_aside(identity: Identity) -> Path:
    """Where a rotation keeps the file with the old key."""
    return identity.path.with_name(f"{identity.path.name}.old")


def begin_rotation(identity: Identity) -> Identity:
    """Put a new key before the old ones in the same file: both open secrets from here on.

    The old file is kept aside first. After a crash the second call goes on with the new key that
    is there.
    """
    aside = kept_aside(identity)
    if aside.exists():
        if len(identity.keys()) > len(Identity(aside).keys()):
            return identity
        raise failure(
            "rotation-not-finished",
            "the key of an earlier rotation is still kept aside",
            place=str(aside),
            why="It may be the only one that opens older copies of the fleet.",
            hint="run `hubfleet secret check`, then `hubfleet secret rotate --finish`",
        )
    _write(aside, identity.path.read_text(encoding="ascii"))
    _write(identity.path, _key_lines() + identity.path.read_text(encoding="ascii"))
    return Identity(identity.path)


def end_rotation(identity: Identity) -> None:
    """Leave only the first, new key in the file."""
    key = identity.keys()[0]
    _write(identity.path, _lines_of(key))


def forget_old_key(identity: Identity) -> Path | None:
    """Delete the key that a rotation kept aside; None when there is none."""
    aside = kept_aside(identity)
    if not aside.exists():
        return None
    aside.unlink()
    return aside


def _key_lines() -> str:
    return _lines_of(pyrage().x25519.Identity.generate())


def _lines_of(key: object) -> str:
    public = key.to_public()  # type: ignore[attr-defined]
    return f"# made by hubfleet on {timestamp()}\n# public key: {public}\n{key}\n"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        write_atomically(path, text, mode=PRIVATE_FILE)
    except OSError as error:
        raise failure(
            "identity-not-writable",
            "the private key cannot be written",
            place=str(path),
            why=f"{error.strerror or 'The system refused'}.",
            hint="mend the folder's rights, or name another file with $HUBFLEET_AGE_KEY_FILE",
        ) from None

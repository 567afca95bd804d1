"""Everything about a fleet's secrets at once: they open, for the right people, and only there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubfleet.fleet.secrets.age import Identity, recipients_id, unseal
from hubfleet.fleet.secrets.findings import findings, findings_in_text
from hubfleet.fleet.secrets.fleet_files import yaml_files
from hubfleet.fleet.secrets.own_key import own_recipient
from hubfleet.fleet.secrets.recipients import RECIPIENTS_FILE, read_recipients
from hubfleet.fleet.secrets.secret import secrets_in
from hubfleet.fleet.secrets.secret_yaml import is_secret_file, plain_of, read_secret_file
from hubfleet.fleet.yaml import read_yaml
from hubfleet.kit.errors import HubfleetError, Place, Problem, in_reading_order


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was looked at, and all that is wrong."""

    files: int
    values: int
    recipients: tuple[str, ...]
    problems: tuple[Problem, ...]


def check_secrets(root: Path, identity: Identity) -> Checked:
    """Look at every YAML file of the fleet; raises nothing for what is wrong with secrets."""
    return _Checking(root, identity).checked()


class _Checking:
    def __init__(self, root: Path, identity: Identity) -> None:
        self.root = root
        self.identity = identity
        self.problems: list[Problem] = []
        self.wanted: str | None = None
        self.files = self.values = 0

    def checked(self) -> Checked:
        names: tuple[str, ...] = ()
        all_files = list(yaml_files(self.root))
        if any(is_secret_file(name) for name in all_files) or self.in_root(RECIPIENTS_FILE):
            names = self.recipients()
        for name in all_files:
            if is_secret_file(name):
                self.secret_file(name)
            elif name != RECIPIENTS_FILE:
                self.problems += plain_findings(self.root / name, name)
        self.key_outside()
        problems = tuple(in_reading_order(self.problems))
        return Checked(self.files, self.values, names, problems)

    def in_root(self, name: str) -> bool:
        return (self.root / name).exists()

    def recipients(self) -> tuple[str, ...]:
        try:
            recipients = read_recipients(self.root)
            self.wanted = recipients_id(recipient.key for recipient in recipients)
            own_recipient(self.identity, recipients)
        except HubfleetError as error:
            self.problems += error.problems
            return ()
        return tuple(recipient.name for recipient in recipients)

    def secret_file(self, name: str) -> None:
        self.files += 1
        document = read_secret_file(self.root / name, name)
        self.problems += document.problems
        if not self.in_root(plain_of(name)):
            self.problems.append(
                Problem(
                    "secret-beside-nothing",
                    f"there is no `{plain_of(name)}` beside this file",
                    Place(name),
                    "A secret file holds values of the file beside it.",
                    "rename or delete it",
                )
            )
        others = False
        for secret in secrets_in(document.value):
            self.values += 1
            try:
                if secret.sops_file:
                    secret.reveal(self.identity)
                    continue
                opened = unseal(secret.ciphertext, secret.at, secret.place, self.identity)
                others |= self.wanted is not None and opened.recipients != self.wanted
            except HubfleetError as error:
                self.problems += error.problems
        if others:
            self.problems.append(
                Problem(
                    "wrong-recipients",
                    "values here are encrypted for other recipients than the fleet's",
                    Place(name),
                    f"{RECIPIENTS_FILE} was changed since, or a change was cut short.",
                    "run `hubfleet secret reencrypt`",
                )
            )

    def key_outside(self) -> None:
        if self.identity.path.resolve().is_relative_to(self.root.resolve()):
            self.problems.append(
                Problem(
                    "identity-in-fleet",
                    "your private key lies in the fleet's folder",
                    str(self.identity.path),
                    "Whoever gets the fleet gets the key to all its secrets.",
                    "move it to ~/.config/hubfleet/age.key; if it was ever committed, "
                    "run `hubfleet secret rotate` and change every secret",
                )
            )


def plain_findings(path: Path, name: str) -> Iterator[Problem]:
    """Secrets in one plain file, by key and by value, in comments too; one for each line."""
    document = read_yaml(path, name)
    found = findings(document.value or {}, document.place, file=name)
    yield from found
    known = {problem.place.line for problem in found if isinstance(problem.place, Place)}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return
    for problem in findings_in_text(text, name):
        if isinstance(problem.place, Place) and problem.place.line not in known:
            yield problem

"""Who may open the fleet's secrets: `recipients.yaml`, names with their age public keys.

```yaml
recipients:
  - {name: ada, key: age1...}
```
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubfleet.fleet.secrets.age import pyrage
from hubfleet.fleet.secrets.round_trip import dump, load, write_declaration
from hubfleet.fleet.yaml import Document, read_yaml
from hubfleet.kit.errors import HubfleetError, Place, Problem, failure

RECIPIENTS_FILE = "recipients.yaml"

_SHAPE_HINT = "write `- {name: ada, key: age1...}` for each recipient"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody, or a machine, that may open the secrets."""

    name: str
    key: str
    place: Place


def read_recipients(root: Path) -> tuple[Recipient, ...]:
    """Everybody in `recipients.yaml`; raises everything that is wrong with the file."""
    if not (root / RECIPIENTS_FILE).exists():
        raise failure(
            "no-recipients",
            f"the fleet has no {RECIPIENTS_FILE}",
            place=RECIPIENTS_FILE,
            why="It says for whom secrets are encrypted.",
            hint="run `hubfleet secret init`",
        )
    document = read_yaml(root / RECIPIENTS_FILE, RECIPIENTS_FILE)
    if document.value is None or document.problems:
        raise HubfleetError(*document.problems)
    recipients, problems = _recipients(document)
    if problems:
        raise HubfleetError(*problems)
    return recipients


def _recipients(document: Document) -> tuple[tuple[Recipient, ...], list[Problem]]:
    value = document.value or {}
    listed = value.get("recipients")
    if set(value) != {"recipients"} or not isinstance(listed, list) or not listed:
        what = f"{RECIPIENTS_FILE} must hold one list `recipients`"
        place = document.place(("recipients",))
        return (), [Problem("bad-recipients", what, place, hint=_SHAPE_HINT)]
    found: list[Recipient] = []
    problems: list[Problem] = []
    for index, item in enumerate(listed):
        place = document.place(("recipients", index))
        if not isinstance(item, dict) or set(item) != {"name", "key"} or not _texts(item):
            what = "a recipient has a `name` and a `key`, both text"
            problems.append(Problem("bad-recipients", what, place, hint=_SHAPE_HINT))
            continue
        recipient = Recipient(item["name"], item["key"], place)
        fault = _fault(recipient, found)
        problems += [fault] if fault else []
        found.append(recipient)
    return tuple(found), problems


def _texts(item: dict[str, Any]) -> bool:
    return all(isinstance(text, str) and text.strip() for text in item.values())


def _fault(recipient: Recipient, others: list[Recipient]) -> Problem | None:
    for other in others:
        for what, one, two in (
            ("name", other.name, recipient.name),
            ("key", other.key, recipient.key),
        ):
            if one == two:
                return Problem(
                    "duplicate-recipient",
                    f"two recipients have the same {what}",
                    recipient.place,
                    f"The other one is `{other.name}`.",
                    "remove one of the two",
                )
    return key_fault(recipient.key, recipient.place)


def key_fault(key: str, place: Place | None = None) -> Problem | None:
    """What is wrong with a public key; a private one is not shown."""
    try:
        pyrage().x25519.Recipient.from_str(key)
    except pyrage().RecipientError:
        if key.upper().startswith("AGE-SECRET-KEY-"):
            return Problem(
                "private-key-given",
                "this is a private key, not a public one",
                place,
                "Whoever has seen it can read everything that was encrypted for it.",
                "make a new key, and give its public part, which begins with age1",
            )
        return Problem(
            "bad-recipient-key",
            f"`{key}` is not an age public key",
            place,
            "It must begin with age1 and be complete.",
            "ask the person for the key that `hubfleet secret init` printed",
        )
    return None


def text_with(root: Path, name: str, key: str) -> str:
    """`recipients.yaml` with one more recipient, or with another key for a known name."""
    path = root / RECIPIENTS_FILE
    if not path.exists():
        header = "# For whom the fleet's secrets are encrypted; see `hubfleet secret --help`.\n"
        return header + dump({"recipients": [{"name": name, "key": key}]})
    tree = load(path.read_text(encoding="utf-8"))
    for item in tree["recipients"]:
        if item["name"] == name:
            item["key"] = key
            return dump(tree)
    tree["recipients"].append({"name": name, "key": key})
    return dump(tree)


def text_without(root: Path, name: str) -> str:
    """`recipients.yaml` without one recipient."""
    tree = load((root / RECIPIENTS_FILE).read_text(encoding="utf-8"))
    listed = tree["recipients"]
    del listed[next(index for index, item in enumerate(listed) if item["name"] == name)]
    return dump(tree)


def write_recipients(root: Path, text: str) -> None:
    write_declaration(root / RECIPIENTS_FILE, text)

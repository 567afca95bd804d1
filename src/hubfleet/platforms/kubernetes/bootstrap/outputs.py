"""What a module made, read back into the cluster file; comments and other lines stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubfleet.fleet.edits.text import drop, put, value_at
from hubfleet.kit.errors import failure
from hubfleet.platforms.kubernetes.bootstrap.new import folder_of

_TEXTS = ("provider", "cluster_name", "server", "certificate_authority", "storage_class")
_HOW = (
    "run `tofu output -json` (or `terraform output -json`) in the cluster's module, and give its "
    "whole answer"
)


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Texts of files by path, and sentences for what a person has to carry on themselves."""

    files: Mapping[str, str]
    notes: tuple[str, ...]


def outputs_of(told: Any, file: str) -> dict[str, Any]:
    """The values of `tofu output -json`, or of a plain mapping. Raises `bad-outputs`."""
    if not isinstance(told, Mapping):
        raise failure("bad-outputs", "these are no outputs", place=file, hint=_HOW)
    values = {
        key: one["value"] if isinstance(one, Mapping) and "value" in one else one
        for key, one in told.items()
    }
    wrong = [key for key in _TEXTS if not isinstance(values.get(key), str) or not values[key]]
    if not isinstance(values.get("exec"), Mapping) or not values["exec"].get("command"):
        wrong.append("exec")
    if wrong:
        listed = ", ".join(f"`{key}`" for key in wrong)
        raise failure(
            "bad-outputs",
            f"the outputs lack {listed}",
            place=file,
            why="They are not those of a module that `hubfleet cluster new` wrote, or it has not "
            "been applied.",
            hint=_HOW,
        )
    return values


def read_back(cluster: str, text: str, outputs: Mapping[str, Any]) -> ReadBack:
    """The cluster file with what is now known. Raises `other-provider`."""
    file = f"clusters/{cluster}.yaml"
    declared = value_at(text, file, ("kubernetes", "provider"))
    if declared not in (None, outputs["provider"]):
        raise failure(
            "other-provider",
            f"the outputs are of a cluster at {outputs['provider']}",
            place=file,
            why=f"`{cluster}` is declared at {declared}.",
            hint="give the outputs of this cluster's own module",
        )
    certificate = f"{folder_of(cluster)}/ca.crt"
    for key in ("context", "kubeconfig"):
        if value_at(text, file, ("kubernetes", key)) is not None:
            text = drop(text, file, ("kubernetes", key))
    command = {"command": outputs["exec"]["command"]}
    arguments = [str(one) for one in outputs["exec"].get("args") or ()]
    for key, value in (
        ("server", outputs["server"]),
        ("certificate_authority", certificate),
        ("exec", {**command, **({"args": arguments} if arguments else {})}),
        ("storage_class", outputs["storage_class"]),
        ("nodes", outputs.get("nodes") or None),
    ):
        if value is not None and value_at(text, file, ("kubernetes", key)) != value:
            text = put(text, file, ("kubernetes", key), value)
    authority = outputs["certificate_authority"].rstrip("\n") + "\n"
    return ReadBack({file: text, certificate: authority}, tuple(_notes(outputs)))


def _notes(outputs: Mapping[str, Any]) -> list[str]:
    found = []
    home = outputs.get("home_storage")
    if home:
        found.append(
            f"storage that many nodes mount: {home['server']}:{home['path']}; declare the support "
            "chart `nfs` with it, and `shared_storage_class: nfs`"
        )
    for name, address in sorted((outputs.get("buckets") or {}).items()):
        found.append(f"bucket {name}: {address}")
    for key, value in sorted((outputs.get("identity") or {}).items()):
        found.append(f"people's service account `user` needs the annotation {key}: {value}")
    return found

"""Exports from sources that fail, change and come back: what the exporter makes of its port."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

import pytest

from hubfleet.kit.errors import HubfleetError, Problem, TransientError
from hubfleet.platforms.archives.headers import END, FOLDER, header
from hubfleet.replicate.bundle.manifest import Told
from hubfleet.replicate.data.sources import Contents
from hubfleet.replicate.export import Exported, Options, export
from tests.fleets import write_fleet
from tests.unit.replicate.bundles import contents

HUB = "reef/prod"
EVERYTHING = Options(homes=True, shared=True)


class Scripted:
    """Homes that hold their person's name; or the error with which reading one ends."""

    def __init__(self, people: Mapping[str, HubfleetError | None]) -> None:
        self.people = people
        self.read: list[str] = []

    def database(self, aside: Path):
        return nullcontext(None)

    def homes(self):
        return {
            person: lambda sink, person=person: self.home(person, sink) for person in self.people
        }

    def shared(self):
        return {}

    def others(self):
        return (Told(what="reef/prod: the volume scratch", why="Nobody knows what it is."),)

    def home(self, person, sink):
        sink.write(header(b"./", mode=0o700, kind=FOLDER))
        if error := self.people[person]:
            raise error
        data = person.encode()
        sink.write(header(b"mine", mode=0o600, size=len(data)) + data.ljust(512, b"\0") + END)
        self.read.append(person)
        return Contents(2, len(data), ("mine changed while it was read",) if person == "ed" else ())


def made(tmp_path: Path, source: Scripted, target: str = "out") -> Exported:
    fleet = write_fleet(tmp_path / "fleet", {HUB: {}})
    return export(fleet, (HUB,), tmp_path / target, EVERYTHING, sources=lambda _hub: source)


def owners(bundle: Path) -> dict[str, str]:
    """Whose home each archive is by the manifest, and what stands in it."""
    held = contents(bundle)
    homes = json.loads(held["manifest.json"])["hubs"]["prod"]["homes"]
    found = {}
    for person, number in homes.items():
        with tarfile.open(fileobj=BytesIO(held[f"hubs/prod/homes/{number}.tar"])) as archive:
            found[person] = archive.extractfile("mine").read().decode()  # type: ignore[union-attr]
    return found


AWAY = TransientError(Problem("cluster-unreachable", "the cluster does not answer", hint="wait"))


def test_nobody_gets_another_s_home_when_people_come_between_two_runs(tmp_path):
    with pytest.raises(TransientError):
        made(tmp_path, Scripted({"bo": None, "cy": None, "ed": AWAY}))
    # Everybody's number is another one now, and all archives have one size.
    again = Scripted({"al": None, "bo": None, "cy": None, "ed": None})
    done = made(tmp_path, again)
    assert owners(tmp_path / "out") == {name: name for name in ("al", "bo", "cy", "ed")}
    assert done.resumed == 0
    assert "reef/prod: home of ed: mine changed while it was read" in [
        one.what for one in done.manifest.left_out
    ]


def test_what_was_read_is_not_read_again(tmp_path):
    with pytest.raises(TransientError):
        made(tmp_path, Scripted({"bo": None, "cy": AWAY}))
    again = Scripted({"bo": None, "cy": None})
    assert (made(tmp_path, again).resumed, again.read) == (1, ["cy"])
    assert owners(tmp_path / "out") == {"bo": "bo", "cy": "cy"}


def test_a_home_that_cannot_be_read_is_named_in_words_that_may_leave(tmp_path):
    secret = Problem("volume-in-use", "in use", why="on node-7.operator.example", hint="wait")
    right = Problem("right-missing", "may not create pods", place="https://api.operator.example")
    source = Scripted(
        {"al": HubfleetError(secret), "bo": None, "cy": HubfleetError(right),
         "di": HubfleetError(Problem("volume-not-read", "broken", hint="mend it"))}
    )  # fmt: skip
    done = made(tmp_path, source)
    assert owners(tmp_path / "out") == {"bo": "bo"}
    told = {one.what: (one.why, one.cure) for one in done.manifest.left_out}
    cure = "have it copied from there; or mend what the export said of it, and export again"
    assert told["reef/prod: home of al"] == ("Its volume was in use on another machine.", cure)
    assert told["reef/prod: home of cy"] == (
        "The account that exported it may not read it there.",
        cure,
    )
    assert told["reef/prod: home of di"] == ("It could not be read where the hub runs.", cure)
    assert "reef/prod: the volume scratch" in told
    assert done.unread[0] is secret
    assert done.as_json()["unread"][1]["code"] == "right-missing"
    for path, data in contents(tmp_path / "out").items():
        assert b"operator.example" not in data, path
    assert not list((tmp_path / "out").rglob(".*.part")), "half of a home went along"

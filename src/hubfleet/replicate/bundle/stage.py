"""Where a bundle is made: beside its target, part by part, so that a killed export goes on.

Each part is written under another name, and counts when `progress.jsonl` says so.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubfleet.kit.errors import failure
from hubfleet.kit.files import make_private_folder, write_atomically
from hubfleet.platforms.local.processes import boot_id
from hubfleet.replicate.bundle.container import Shape, discard, pack, shape_of, staged_name
from hubfleet.replicate.bundle.manifest import NAME, Held, Manifest, Part
from hubfleet.replicate.bundle.storing import Compressor, Store

_PROGRESS = "progress.jsonl"


class Stage:
    """One bundle being made. `resumed` counts parts that an earlier run had finished.

    Raises `bundles-not-installed` where the target is to be compressed and cannot be.
    """

    def __init__(self, target: Path, key: str) -> None:
        self.target = target
        self.shape: Shape = shape_of(target)
        self._compressor = Compressor() if self.shape == "zst" else None
        self.folder = target.with_name(f"{target.name}.unfinished")
        self.parts = self.folder / "parts"
        # Nothing waits for the disk part by part: what a killed process wrote is there, and after
        # the machine itself went down nothing is taken up.
        self._key = f"{key} {boot_id()}"
        self._done: dict[str, dict[str, Any]] = {}
        self.resumed = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Alone; raises `bundle-exists`, `export-under-way`, or OSError."""
        if self.target.exists() or self.target.is_symlink():
            raise failure(
                "bundle-exists",
                "there is something already where the bundle is to be",
                place=str(self.target),
                why="Nothing is overwritten.",
                hint="choose another name with --to, or move it away",
            )
        self.target.parent.mkdir(parents=True, exist_ok=True)
        make_private_folder(self.folder)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise failure(
                    "export-under-way",
                    "another export writes the same bundle",
                    place=str(self.folder),
                    hint="wait for it, or choose another name with --to",
                ) from None
            self._take_up()
            yield

    def _take_up(self) -> None:
        """What an earlier run of the same export finished; of another one nothing is used."""
        lines = []
        progress = self.folder / _PROGRESS
        if progress.exists():
            for line in progress.read_text(encoding="utf-8").splitlines():
                try:
                    lines.append(json.loads(line))
                except ValueError:
                    break  # cut off while it was written
        if not lines or lines[0].get("key") != self._key:
            discard(self.parts)
            lines = []
            write_atomically(progress, json.dumps({"key": self._key}) + "\n")
        make_private_folder(self.parts)
        self._done = {line["path"]: line for line in lines[1:] if self._is_there(line)}
        self.resumed = len(self._done)
        self._write_progress()

    def _write_progress(self) -> None:
        whole = [{"key": self._key}, *self._done.values()]
        text = "".join(json.dumps(line) + "\n" for line in whole)
        write_atomically(self.folder / _PROGRESS, text)

    def _is_there(self, line: dict[str, Any]) -> bool:
        path = self.parts / staged_name(line["path"], self.shape)
        return path.is_file() and path.stat().st_size == line["stored"]

    def done(self, path: str, of: str) -> tuple[Part, list[str]] | None:
        """A part that an earlier run finished, with its notes.

        `of` is what it holds: numbers of homes shift when people come or go between two runs, and
        nobody may be given another person's home.
        """
        line = self._done.get(path)
        if line is None:
            return None
        if line.get("of") != of:
            # Forgotten before its place is taken: a crash must not leave it beside other bytes.
            del self._done[path]
            self.resumed -= 1
            self._write_progress()
            return None
        return Part.model_validate(line["part"]), list(line["notes"])

    @contextmanager
    def writing(self, path: str) -> Iterator[Store]:
        """A part under another name until the block ends well; then call `keep`."""
        staged = self.parts / staged_name(path, self.shape)
        staged.parent.mkdir(parents=True, exist_ok=True)
        with Store(_aside(staged), self._compressor) as store:
            yield store

    def keep(
        self, path: str, store: Store, held: Held | None, notes: list[str], of: str = ""
    ) -> Part:
        """The part has its name from now on, and another run need not make it again."""
        staged = self.parts / staged_name(path, self.shape)
        _aside(staged).rename(staged)
        part = Part(sha256=store.sha256, size=store.size, archive=held)
        told = part.model_dump(mode="json")
        stored = staged.stat().st_size
        line = {"path": path, "of": of, "part": told, "notes": notes, "stored": stored}
        self._done[path] = line
        with (self.folder / _PROGRESS).open("a", encoding="utf-8") as progress:
            progress.write(json.dumps(line) + "\n")
        return part

    def put(self, path: str, data: bytes) -> None:
        """A small part, made anew each time; a folder's keeps its rights in `finish`."""
        with self.writing(path) as store:
            store.write(data)
        staged = self.parts / staged_name(path, self.shape)
        _aside(staged).rename(staged)

    def finish(self, manifest: Manifest) -> None:
        """Make the target of the parts that the manifest lists, by one rename, and clear up."""
        self._forget_others(manifest)
        if self.shape == "folder":
            for path, part in manifest.files.items():
                (self.parts / path).chmod(part.mode)
            write_atomically(self.parts / NAME, manifest.text(), mode=0o644)
            self.parts.rename(self.target)
        else:
            made = self.folder / "whole"
            pack(self.parts, manifest, made, self._compressor)
            made.chmod(0o600)
            made.rename(self.target)
        discard(self.folder)

    def _forget_others(self, manifest: Manifest) -> None:
        """Parts of an earlier run that are no longer wanted, and half-written ones."""
        wanted = {staged_name(path, self.shape) for path in manifest.files}
        for folder, _, names in os.walk(self.parts):
            for name in names:
                path = Path(folder) / name
                if path.relative_to(self.parts).as_posix() not in wanted:
                    path.unlink()


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")

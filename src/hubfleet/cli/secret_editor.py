"""Showing a secret file in the person's editor, so that nothing of it stays on a disk."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hubfleet.kit.errors import failure
from hubfleet.kit.files import PRIVATE_FILE

_IN_MEMORY = Path("/dev/shm")  # noqa: S108  (a folder of our own, mode 0700, is made in it)


def edited(text: str, name: str) -> str:
    """What the person's editor makes of `text`; the file it saw is wiped, whatever happens."""
    command = _editor()
    with _private_folder() as folder:
        file = folder / Path(name).name
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        try:
            status = subprocess.call([*command, str(file)])
        except OSError as error:
            reason = f"{error.strerror}." if error.strerror else ""
            raise failure(
                "editor-not-started",
                f"the editor `{command[0]}` cannot be started; nothing was changed",
                why=reason,
                hint="set $EDITOR to a program that is installed, such as nano",
            ) from None
        if status:
            raise failure(
                "editor-failed",
                f"the editor `{command[0]}` ended with status {status}; nothing was changed",
                hint="edit again; what you wrote was wiped",
            )
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise failure(
                "editor-failed",
                f"the editor `{command[0]}` left no readable text; nothing was changed",
                hint="save the file as UTF-8 under the name that it has",
            ) from None


def _editor() -> list[str]:
    said = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        command = shlex.split(said)
    except ValueError:
        command = []
    if not command:
        raise failure(
            "no-editor",
            "no editor is set",
            why="`secret edit` opens the program that $VISUAL or $EDITOR names.",
            hint="set one: `export EDITOR=nano`; or use `hubfleet secret set`",
        )
    return command


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder of mode 0700, in memory where the system has that; wiped in the end."""
    memory = str(_IN_MEMORY) if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else None
    with _signals_as_exceptions():
        folder = Path(tempfile.mkdtemp(prefix="hubfleet-", dir=memory))
        try:
            yield folder
        finally:
            _wipe(folder)


def _wipe(folder: Path) -> None:
    """Overwrite, then delete: editors leave copies of their own beside the file."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            size = path.stat().st_size
            path.chmod(PRIVATE_FILE)
            with path.open("r+b") as stream:
                stream.write(b"\0" * size)
                stream.flush()
                os.fsync(stream.fileno())
    shutil.rmtree(folder)


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Being asked to end, or losing the terminal, still wipes."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

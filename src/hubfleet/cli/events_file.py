"""`--events FILE`: every event of a rollout as a JSON line, as it happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from hubfleet.kit.errors import failure
from hubfleet.rollout.events import Event, Listener


@contextmanager
def written_to(path: Path | None, listen: Listener) -> Iterator[Listener]:
    """Tells `listen` and, with a path, writes there; raises `events-not-written`."""
    if path is None:
        yield listen
        return
    try:
        file = path.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        raise failure(
            "events-not-written",
            "the file for events cannot be written",
            place=str(path),
            why=error.strerror or str(error),
            hint="choose another one with --events FILE",
        ) from None
    lock = Lock()

    def tell(event: Event) -> None:
        with lock:
            file.write(json.dumps(event.as_json(), ensure_ascii=False) + "\n")
        listen(event)

    with file:
        yield tell

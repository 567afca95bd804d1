from __future__ import annotations

import errno
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from hubfleet.kit.syncing import SharedSync
from tests.places import until


class Disk:
    """A sync that takes until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = Event()
        self.error: OSError | None = None

    def sync(self) -> None:
        self.begun += 1
        assert self.go_on.wait(10)
        if self.error:
            raise self.error


def _wait_together(disk: Disk, shared: SharedSync, pool: ThreadPoolExecutor) -> list[Future[None]]:
    """One that syncs, and three who asked while it did."""
    first = pool.submit(shared.wait)
    until(lambda: disk.begun == 1, "the first sync")
    others = [pool.submit(shared.wait) for _ in range(3)]
    until(lambda: shared._asked == 4, "all four to ask")
    return [first, *others]


def test_who_asks_during_a_sync_shares_the_next_one():
    disk = Disk()
    shared = SharedSync(disk.sync)
    with ThreadPoolExecutor(4) as pool:
        waiting = _wait_together(disk, shared, pool)
        assert not any(one.done() for one in waiting)
        disk.go_on.set()
        assert [one.result(10) for one in waiting] == [None] * 4
    assert disk.begun == 2


def test_a_sync_that_failed_is_told_to_all_who_relied_on_it_and_to_nobody_later():
    disk = Disk()
    shared = SharedSync(disk.sync)
    with ThreadPoolExecutor(4) as pool:
        disk.error = OSError(errno.EIO, "Input/output error")
        waiting = _wait_together(disk, shared, pool)
        disk.go_on.set()
        assert all(one.exception(10) is disk.error for one in waiting)
        disk.error = None
        assert pool.submit(shared.wait).result(10) is None


def test_one_alone_waits_for_its_own_sync():
    disk = Disk()
    disk.go_on.set()
    shared = SharedSync(disk.sync)
    shared.wait()
    shared.wait()
    assert disk.begun == 2
    disk.error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space left"):
        shared.wait()

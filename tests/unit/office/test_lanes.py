"""Who waits for a thread is served in turn, and what is slow holds nobody up for long."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

import pytest

from hubfleet.office.site import lanes
from hubfleet.office.site.lanes import FEW, Lanes


async def _rest() -> None:
    """Let all others go on until each of them waits again."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_lanes_are_handed_out_in_the_order_of_asking() -> None:
    async def course() -> list[int]:
        free, served = Lanes(), []
        held = [await free.take() for _ in range(FEW)]

        async def reader(number: int) -> None:
            lane = await free.take()
            served.append(number)
            await asyncio.sleep(0)
            free.give_back(lane)

        readers = []
        for number in range(6):
            readers.append(asyncio.ensure_future(reader(number)))
            await _rest()
        free.give_back(held[0])
        # Who comes just when a lane is given back does not get it before those who waited.
        readers.append(asyncio.ensure_future(reader(6)))
        await asyncio.gather(*readers)
        return served

    assert asyncio.run(course()) == [0, 1, 2, 3, 4, 5, 6]


def test_many_who_wait_are_no_reason_for_another_lane() -> None:
    async def course() -> int:
        free = Lanes()
        taken: set[Executor] = set()

        async def reader() -> None:
            lane = await free.take()
            taken.add(lane)
            await asyncio.sleep(0)
            free.give_back(lane)

        await asyncio.gather(*(reader() for _ in range(200)))
        return len(taken)

    assert asyncio.run(course()) == FEW


def test_a_slow_lane_is_replaced_and_the_number_of_quick_ones_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE", 0.05)

    async def course() -> None:
        free = Lanes()
        slow = [await free.take() for _ in range(FEW)]
        # Nobody gives one back: the next ones come when the first count as slow.
        quick = [await asyncio.wait_for(free.take(), 5) for _ in range(FEW)]
        assert len({*slow, *quick}) == 2 * FEW
        monkeypatch.setattr(lanes, "PATIENCE", 3600)
        for lane in (*slow, *quick):
            free.give_back(lane)
        # There are more lanes now, but no more are used at once.
        for _ in range(FEW):
            await free.take()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(free.take(), 0.1)

    asyncio.run(course())


def test_who_goes_away_while_waiting_keeps_no_lane() -> None:
    async def course() -> None:
        free = Lanes()
        held = [await free.take() for _ in range(FEW)]
        waiting = [asyncio.ensure_future(free.take()) for _ in range(3)]
        await _rest()
        waiting[0].cancel()
        await _rest()
        for lane in held:
            free.give_back(lane)
        # The second one has been handed its lane and goes away before it goes on.
        waiting[1].cancel()
        await _rest()
        assert [one.cancelled() for one in waiting] == [True, True, False]
        free.give_back(await waiting[2])
        assert [await asyncio.wait_for(free.take(), 5) for _ in range(FEW)]

    asyncio.run(course())

"""From one hub to a second one with one sign-in (limit: median 0.3 s), and what the console takes.

`python -m benchmarks.sign_in`
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import aiohttp

from benchmarks.measure import median, report
from tests.consoles import PASSWORD, ConsolePlace, console_fleet
from tests.integration.local.standing_hub import connector
from tests.integration.test_one_sign_in import Address, Member
from tests.places import local_place

ACCESS = {"sign_in": "console", "admins": ["ada"], "allow": {"users": ["bo"]}}
ROUNDS = 15


async def rounds(console: ConsolePlace) -> dict[str, float]:
    """Each time a browser that is signed in at the console and at one hub opens the other."""
    first = Member(Address(console.hub("ant/prod")), "bo")
    second = console.hub("bee/prod")
    reached, known, away = [], [], []
    try:
        await first.sign_in(PASSWORD)
        for _ in range(ROUNDS):
            first.session.cookie_jar.clear_domain("prod-bee.localhost")
            began = time.perf_counter()
            async with first.session.get(f"{second}hub/home") as page:
                assert str(page.url) == f"{second}hub/home", page.url
                await page.read()
            reached.append(time.perf_counter() - began)
            began = time.perf_counter()
            async with first.session.get(f"{second}hub/home") as page:
                await page.read()
            known.append(time.perf_counter() - began)
        async with aiohttp.ClientSession(connector=connector()) as session:
            for _ in range(ROUNDS):
                began = time.perf_counter()
                async with session.get(
                    f"{console.address}/identity/.well-known/openid-configuration"
                ) as page:
                    await page.read()
                away.append(time.perf_counter() - began)
    finally:
        await first.close()
    return {
        "second_hub_median_seconds": median(reached),
        "second_hub_worst_seconds": round(max(reached), 3),
        "page_of_a_hub_median_seconds": median(known),
        "page_of_the_console_median_seconds": median(away),
    }


def main() -> None:
    hubs = {name: {"access": ACCESS} for name in ("ant/prod", "bee/prod")}
    with tempfile.TemporaryDirectory() as folder, local_place(Path(folder) / "state") as place:
        fleet, address = console_fleet(Path(folder) / "fleet", hubs)
        console = ConsolePlace(place, fleet, address)
        done = console.up()
        if done.returncode:
            raise SystemExit(done.stderr)
        console.account("bo")
        numbers = asyncio.run(rounds(console))
    report(benchmark="sign_in", **numbers)


if __name__ == "__main__":
    main()

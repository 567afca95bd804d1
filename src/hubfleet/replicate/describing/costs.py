"""COST.md: what was used each month, and what that would cost under stated assumptions. Pure.

Nobody can know what a community will pay elsewhere: it depends on how full its machines are. So the
same use is priced in three ways, with prices that say where and when they were published, and the
last table is for prices of one's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from hubfleet.replicate.bundle.use import Month, Stored, Use, last_day_of

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one unit, as somebody published it."""

    amount: Decimal
    unit: str
    source: str
    seen: str


MEMORY = Price(
    Decimal("0.004445"), "GiB-hour", "AWS Fargate, Linux on x86, US East (N. Virginia)", "2026-03"
)
CPU = Price(
    Decimal("0.04048"), "CPU-hour", "AWS Fargate, Linux on x86, US East (N. Virginia)", "2026-03"
)
STORAGE = Price(
    Decimal("0.30"), "GiB and month", "AWS EFS Standard, US East (N. Virginia)", "2026-06"
)

GIB_FOR_EACH_CPU = 8
"""The shape of machines with much memory, which hubs mostly run on."""
FULL = Decimal("0.6")
"""How full machines are on average that are added and taken away as people come and go."""

OPERATING = (
    ("education, on a shared cluster", 1000),
    ("education, on a cluster of its own", 1500),
    ("research, on a shared cluster", 1500),
    ("research, on a cluster of its own", 2250),
)
"""US dollars a month for running one hub: a non-profit operator's price list, end of 2021."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What a month takes under one assumption: hours of GiB of memory, and of CPUs."""

    memory: Decimal
    cpu: Decimal

    @property
    def dollars(self) -> Decimal:
        """Rounded to the cent."""
        return cents(self.memory * MEMORY.amount + self.cpu * CPU.amount)


def as_promised(month: Month) -> Needed:
    """What servers were promised, for as long as they ran, and no more than that."""
    memory = _memory(month)
    return Needed(memory, max(memory / GIB_FOR_EACH_CPU, exact(month.cpu_hours or 0)))


def growing(month: Month) -> Needed:
    """Machines that come and go with people: partly empty at any time."""
    promised = as_promised(month)
    return Needed(promised.memory / FULL, promised.cpu / FULL)


def always_on(month: Month) -> Needed:
    """Machines for the most servers at once, which run day and night."""
    if not exact(month.server_hours):
        return Needed(Decimal(0), Decimal(0))
    each = _memory(month) / exact(month.server_hours)
    memory = each * month.peak * month.hours
    return Needed(memory, max(memory / GIB_FOR_EACH_CPU, exact(month.cpu_hours or 0)))


def _memory(month: Month) -> Decimal:
    """GiB-hours; servers without a promise still take what they take."""
    return max(exact(month.memory_hours_requested), exact(month.memory_hours_used or 0))


def exact(value: float) -> Decimal:
    """The number as it is written, to three digits."""
    return Decimal(str(round(value, 3)))


def cents(value: Decimal) -> Decimal:
    """To the cent, halves up."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def typical(months: list[Month]) -> Month | None:
    """The last complete month, else the last one in which servers ran, else the last."""
    for good in (lambda one: one.complete, lambda one: one.server_hours, lambda _one: True):
        found = [month for month in months if good(month)]
        if found:
            return found[-1]
    return None


def cost(use: Use) -> str:
    """The whole page; equal use gives equal bytes."""
    lines = [
        "# What it costs to run",
        "",
        "What was measured is exact as far as it goes; what it would cost is an estimate, "
        "and nobody's bill.",
        "",
        "## What was used",
        "",
        *_used(use),
        *_stored(use.stored),
        *_estimates(use),
        *_people(),
        *_own_prices(use),
    ]
    return "\n".join(lines) + "\n"


def _used(use: Use) -> Iterator[str]:
    sections = [(f"`{name}`", one.months) for name, one in sorted(use.hubs.items())]
    if use.community:
        sections.append(("All hubs together", use.community))
    for title, months in sections:
        yield from (f"### {title}", "")
        if not months:
            yield from ("Nothing was measured.", "")
            continue
        yield (
            "| month (UTC) | people | server-hours | memory promised, GiB-hours "
            "| memory in use, GiB-hours | CPU in use, CPU-hours | most servers at once |"
        )
        yield "|---|---:|---:|---:|---:|---:|---:|"
        yield from map(_row, months)
        yield ""
        yield from _marks(months)


def _row(month: Month) -> str:
    cells = [
        _named(month),
        "not known" if month.users is None else str(month.users),
        _hours(month.server_hours),
        _hours(month.memory_hours_requested),
        _hours(month.memory_hours_used),
        _hours(month.cpu_hours),
        str(month.peak),
    ]
    return f"| {' | '.join(cells)} |"


def _named(month: Month) -> str:
    return month.name if month.complete else f"{month.name} (not complete)"


def _hours(value: float | None) -> str:
    return (
        "not known"
        if value is None
        else f"{exact(value).quantize(Decimal('0.1'), ROUND_HALF_UP):,}"
    )


def _marks(months: list[Month]) -> Iterator[str]:
    for month in months:
        if month.complete is None:
            yield from (f"{month.name}: whether it is complete was not said.", "")
        elif not month.complete:
            whole = (last_day_of(month.first) - month.first.replace(day=1)).days + 1
            known = (month.last - month.first).days + 1
            of = f"{known} of {whole} days" if known < whole else "not to the end of its last day"
            yield from (
                f"{month.name} is not complete: known from {month.first} to {month.last} ({of}).",
                "",
            )
    if any(month.memory_hours_used is None for month in months):
        yield from ("`not known`: the platform does not measure it, or nothing ran.", "")


def _stored(found: list[Stored]) -> Iterator[str]:
    yield from ("### Stored in homes", "")
    if not found:
        yield from ("Not known: homes were not measured where this bundle was made.", "")
        return
    size = _gib(found)
    homes = sum(one.homes for one in found)
    at = max(one.at for one in found)
    yield from (f"{size:,} GiB in {homes} homes, as last measured on {at}.", "")


def _gib(found: list[Stored]) -> Decimal:
    return (Decimal(sum(one.bytes for one in found)) / GIB).quantize(Decimal("0.01"))


_ASSUMPTIONS = f"""A. **As promised**: you pay for the memory that servers were promised, for as \
long as they ran, and for nothing else.

B. **Growing and shrinking**: machines come and go with people, and are {FULL * 100:.0f} % full on \
average.

C. **Always on**: machines for the most servers at once run day and night, on all days that are \
known.

In all three memory in use counts where it is more than was promised, and there is one CPU for each
{GIB_FOR_EACH_CPU} GiB of memory, or the CPU-hours in use where those are more.
"""


def _estimates(use: Use) -> Iterator[str]:
    yield from ("## What that would cost", "", _ASSUMPTIONS)
    yield "| price, US dollars | for one | published by | seen |"
    yield "|---:|---|---|---|"
    for price in (MEMORY, CPU, STORAGE):
        yield f"| {price.amount} | {price.unit} | {price.source} | {price.seen} |"
    yield from (
        "",
        "List prices without discounts and taxes; other providers and own machines differ.",
        "",
    )
    if not use.months:
        yield from ("No month was measured.", "")
    else:
        yield "| month (UTC) | A, USD | B, USD | C, USD |"
        yield "|---|---:|---:|---:|"
        for month in use.months:
            found = (way(month).dollars for way in (as_promised, growing, always_on))
            yield f"| {_named(month)} | {' | '.join(f'{one:,}' for one in found)} |"
        yield from ("", "A month that is not complete costs more when it is whole.", "")
    if use.stored:
        size, dollars = _gib(use.stored), cents(_gib(use.stored) * STORAGE.amount)
        yield f"Homes: {size:,} GiB x {STORAGE.amount} = {dollars:,} USD a month."
        yield ""
    yield (
        "Not in these numbers: the machine of the hub itself, network traffic, backups, shared "
        "folders, taxes."
    )
    yield ""


def _people() -> Iterator[str]:
    yield from (
        "## What people do",
        "",
        "CHECKLIST.md says what somebody must do; this often costs more than all machines.",
        "A non-profit operator's price list of the end of 2021 asked for running one hub, "
        "and as much once for setting it up:",
        "",
        "| kind of hub | USD a month |",
        "|---|---:|",
    )
    for kind, dollars in OPERATING:
        yield f"| {kind} | {dollars:,} |"
    yield ""


def _own_prices(use: Use) -> Iterator[str]:
    yield from ("## With prices of your own", "")
    month = typical(use.months)
    if month is None:
        yield "A month costs memory price x GiB-hours + CPU price x CPU-hours + storage price x GiB"
        yield "+ what is fixed."
        return
    needed = growing(month)
    size = f"{_gib(use.stored):,}" if use.stored else "____"
    yield from (
        f"Quantities are those of {_named(month)} under B; write in your prices, and add up.",
        "",
        "| what | your price | x | quantity | = |",
        "|---|---|---|---:|---|",
        f"| memory | ____ for a GiB-hour | x | {_hours(float(needed.memory))} GiB-hours | ____ |",
        f"| CPU | ____ for a CPU-hour | x | {_hours(float(needed.cpu))} CPU-hours | ____ |",
        f"| storage | ____ for a GiB and month | x | {size} GiB | ____ |",
        "| the hub's machine, traffic, backups | ____ a month | x | 1 | ____ |",
        "| people | ____ for an hour | x | ____ hours | ____ |",
        "| **a month** | | | | ____ |",
    )

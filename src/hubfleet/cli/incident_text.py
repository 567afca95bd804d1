"""How incidents are printed for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubfleet.cli import output


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """A line each; what is late says so."""
    for row in rows:
        hubs = row["hubs"]
        where = ", ".join(hubs[:3]) + (f" and {len(hubs) - 3} more" if len(hubs) > 3 else "")
        late = "  update late" if row["update_late"] else ""
        number = f"{row['incident']:>4}"
        output.say(f"{number}  {row['priority']}  {row['state']:<12}  {_plain(row['title'])}{late}")
        responder = row["responder"] or "nobody"
        output.say(f"      {where or 'the service'}; since {row['began_at']}; led by {responder}")


def print_whole(value: Mapping[str, Any]) -> None:
    """All of one incident."""
    output.say(f"Incident {value['incident']}: {_plain(value['title'])}")
    output.say(f"  {value['priority']}, {value['state']}; {value['words']}")
    output.say(f"  affected: {', '.join(value['hubs']) or 'the service as a whole'}")
    if value["users_affected"] is not None:
        output.say(f"  people affected: {value['users_affected']}")
    elif value["users_measured"] is not None:
        output.say(f"  people with a server there meanwhile: {value['users_measured']}")
    output.say(f"  began {value['began_at']}, known {value['opened_at']}")
    if value["next_update_due"]:
        late = " (late)" if value["update_late"] else ""
        output.say(f"  next update of the public: {value['next_update_due']}{late}")
    output.say(f"  asked first: {', '.join(value['asked_first'])}")
    if value["channel"]:
        output.say(f"  channel: {_plain(value['channel'])}")
    for role, people in value["roles"].items():
        output.say(f"  {role}: {', '.join(people) or 'nobody'}")
    for one in value["offers"]:
        output.say(f"  offered: {one['role']} to {one['to']} by {one['by']}, not accepted yet")
    if value["resolved_at"] is None:
        for one in value["conditions"]:
            output.say(f"  [{'x' if one['met'] else ' '}] {one['condition']}")
        for one in value["recovery"]:
            output.say(f"  [{'x' if one['proven'] else ' '}] {one['hub']}: {one['words']}")
    for name, seconds in value["times"].items():
        if seconds is not None:
            output.say(f"  {name.replace('_', ' ')}: {_span(seconds)}")
    output.say()
    for one in value["timeline"]:
        public = f" [public: {one['public']}]" if one["public"] else ""
        output.say(f"  {one['at']}  {one['who']:<12} {one['kind']}{public}: {_plain(one['text'])}")


def _span(seconds: int) -> str:
    from datetime import timedelta

    from hubfleet.office.incidents.clocks import in_words

    return in_words(timedelta(seconds=seconds))


def _plain(text: str) -> str:
    """What somebody else wrote moves no cursor and colours nothing."""
    return "".join(c if c.isprintable() else " " for c in text)


def print_debt(rows: Sequence[Mapping[str, Any]]) -> None:
    from hubfleet.office.incidents.debts import WORDS

    for row in rows:
        late = "late" if row["late"] else "due"
        words = WORDS[row["what"]]
        detail = f" ({_plain(row['detail'])})" if row["detail"] else ""
        title = _plain(row["title"])
        output.say(f"{row['incident']:>4}  {late:<4}  {row['due_at']}  {words}{detail}")
        output.say(f"      {title}; up to {row['owner'] or 'nobody yet'}")

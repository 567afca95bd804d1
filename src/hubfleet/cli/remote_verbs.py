"""The verbs with `--remote`: the same questions, asked of a console elsewhere.

With `--json` they print what the verb prints here, so that scripts need not know where they ask.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import typer

from hubfleet.cli import exits, output
from hubfleet.cli.remote import Remote, part, signed_in
from hubfleet.cli.status_table import print_table


def status(where: str, *, as_json: bool) -> None:
    found = signed_in(where).get("/status")
    if as_json:
        output.print_json(found)
        return
    if not found["hubs"]:
        output.say("You see no hub there.")
        return
    print_table(found["hubs"])
    for remark in found["remarks"]:
        output.tell(f"note: {remark}")


def plan(where: str, only: Sequence[str], *, exit_code: bool, as_json: bool, quiet: bool) -> None:
    console = signed_in(where)
    found = console.get("/plan", only=_names(console, only))
    if as_json:
        output.print_json(found)
    elif not quiet:
        _print_plan(found)
    if exit_code and found["steps"]:
        raise typer.Exit(exits.CHANGES)


def usage(
    where: str, scope: str, days: tuple[date, date], by: str | None, *, as_json: bool
) -> None:
    from hubfleet.cli.usage_text import print_use

    asked: dict[str, Any] = {"scope": scope, "from": days[0], "to": days[1]}
    found = signed_in(where).get("/usage", **asked, **({"by": by} if by else {}))
    if as_json:
        output.print_json(found)
    else:
        print_use(found)
    for why in found["troubles"].values():
        output.tell(f"note: {why}")


def _names(console: Remote, patterns: Sequence[str]) -> list[str]:
    """The hubs there that the patterns mean; raises `unknown-hub` for one that means none."""
    from hubfleet.kit.errors import failure
    from hubfleet.planning.plan import matches

    if not patterns:
        return []
    known = [row["hub"] for row in console.get("/status")["hubs"]]
    for pattern in patterns:
        if not any(matches(name, (pattern,)) for name in known):
            raise failure(
                "unknown-hub",
                f"no hub called '{pattern}' exists there, or you do not see it",
                place=console.address,
                hint="`hubfleet status --remote` lists those that you see",
            )
    return [name for name in known if matches(name, tuple(patterns))]


def _print_plan(found: Mapping[str, Any]) -> None:
    if not found["steps"]:
        output.say("Nothing to do: everything is as declared.")
        return
    for step in found["steps"]:
        output.say(f"{step['action']:<7} {step['hub']}")
        for reason in step["reasons"]:
            old, new = output.in_short(reason.get("old")), output.in_short(reason.get("new"))
            output.say(f"    {reason.get('key')}  {old} -> {new}")
    for problem in found["refusals"]:
        output.say(f"`apply` would refuse this: {problem['what']}")
    output.say(f"plan {found['fingerprint']}")


def apply(
    where: str,
    only: Sequence[str],
    fingerprint: str | None,
    message: str,
    *,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show the plan, ask, start it there, and follow it until it ends."""
    console = signed_in(where)
    names = _names(console, only)
    found = console.get("/plan", only=names)
    if not (quiet or as_json):
        _print_plan(found)
    if not found["steps"] and fingerprint is None:
        if as_json:
            output.print_json(found)
        return
    if fingerprint is None and not yes:
        _ask("Apply this plan?", f"--plan {found['fingerprint']}")
    body = {"plan": fingerprint or found["fingerprint"], "why": message, "hubs": names}
    _follow(console, console.post("/rollouts", body), as_json=as_json, quiet=quiet)


def rollback(where: str, hub: str, to: int | None, message: str, **how: Any) -> None:
    """Start a rollback there, and follow it; `how` is listed, yes and as_json."""
    console = signed_in(where)
    if how["listed"]:
        found = console.get(f"/hubs/{part(hub)}/snapshots")
        if how["as_json"]:
            output.print_json(found)
            return
        for one in found["snapshots"]:
            output.say(f"revision {one['revision']:>4}  {one['at']}  {one['id']}")
        return
    if not how["yes"]:
        _ask(f"Roll {hub} back?", "--yes")
    run = console.post(f"/hubs/{part(hub)}/rollback", {"to": to, "why": message})
    _follow(console, run, as_json=how["as_json"], quiet=False)


def _ask(question: str, otherwise: str) -> None:
    from hubfleet.kit.errors import failure

    if not sys.stdin.isatty():
        raise failure(
            "not-confirmed",
            "nobody is there to confirm it",
            hint=f"add {otherwise} to do what is shown above",
        )
    if not typer.confirm(question, err=True):
        raise typer.Exit(exits.FAILED)


def _follow(console: Remote, run: dict[str, Any], *, as_json: bool, quiet: bool) -> None:
    """Tell what happens until the run has ended; Ctrl-C leaves it running there."""
    seen = 0
    while True:
        run = console.get(f"/runs/{run['id']}", after=seen)
        seen += len(run["events"])
        for event in run["events"]:
            if event.get("hub") and not quiet and not as_json:
                output.tell(
                    f"{event['hub']}: {event.get('phase', '')} {event.get('why', '')}".rstrip()
                )
        if run["ended_at"]:
            break
        time.sleep(1)
    if as_json:
        output.print_json({key: value for key, value in run.items() if key != "events"})
    elif not quiet:
        output.say(run["outcome"])
    if run["exit_code"] != 0:
        raise typer.Exit(run["exit_code"] or exits.FAILED)


def history(where: str, hub: str | None, limit: int, before: int | None, *, as_json: bool) -> None:
    from hubfleet.cli import history_text

    if hub is None:
        raise typer.BadParameter("with --remote, name a hub")
    found = signed_in(where).get("/history", hub=hub, limit=min(limit, 1000), before=before)
    if as_json:
        output.print_json(found)
    elif found["revisions"]:
        history_text.print_rows(found["revisions"])
        if found["before"]:
            output.tell(f"older ones: --before {found['before']}")
    else:
        output.say(f"No revision of {hub} is known there.")


def probe(where: str, hubs: Sequence[str], *, as_json: bool, quiet: bool) -> None:
    console = signed_in(where)
    names = _names(console, hubs or ["*"])
    results = [console.post(f"/hubs/{part(name)}/probe", {}) for name in names]
    if as_json:
        output.print_json({"probes": results})
    for result in results if not (quiet or as_json) else ():
        output.say(f"{result['verdict']:<9} {result['hub']}  {result['seconds']:.1f} s")
        if result["verdict"] != "healthy":
            output.say(f"    cause: {result.get('cause', '')}")
            output.say(f"    hint: {result.get('hint', '')}")
    if any(result["verdict"] == "failed" for result in results):
        raise typer.Exit(exits.FAILED)


def logs(where: str, hub: str, lines: int) -> None:
    found = signed_in(where).get(f"/hubs/{part(hub)}/logs", lines=min(lines, 5000))
    for line in found["lines"]:
        # What a hub writes must not move the cursor here.
        output.say("".join(c if c.isprintable() or c == "\t" else "?" for c in line))


def responsibilities(where: str, community: str, *, diff: bool, as_json: bool) -> None:
    found = signed_in(where).get(f"/communities/{part(community)}/responsibilities")
    rows = found["responsibilities"]
    if diff:
        rows = [one for one in rows if one["owner"] != one["default"] or one["note"]]
    if as_json:
        output.print_json({**found, "responsibilities": rows})
        return
    for one in rows:
        note = f"  {one['note']}" if one["note"] else ""
        output.say(f"{one['number']:>3}  {one['slug']:<30} {one['owner']:<10}{note}")
    if not rows:
        output.say("Everything is as by default.")


def who_can(where: str, action: str, target: str, *, as_json: bool) -> None:
    found = signed_in(where).get("/who-can", action=action, target=target)
    if as_json:
        output.print_json(found)
        return
    for one in found["who_could"] or ["nobody"]:
        output.say(one)

"""`hubfleet monitoring`: what Prometheus, Alertmanager and Grafana are told of the fleet."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from hubfleet.cli import exits, options, output
from hubfleet.cli.help_text import WholeSentences
from hubfleet.cli.output import counted

if TYPE_CHECKING:
    from hubfleet.kit.errors import Problem
    from hubfleet.monitoring.programs import Heard
    from hubfleet.monitoring.watched import Watched

app = typer.Typer(
    cls=WholeSentences,
    help="Write and check what Prometheus, Alertmanager and Grafana are told of the fleet.",
    no_args_is_help=True,
)

Tokens = Annotated[
    str,
    typer.Option(
        "--tokens",
        metavar="DIR",
        help="Where Prometheus finds the tokens of hubs on Kubernetes, as DIR/community/hub.",
    ),
]
TOKENS = "/etc/prometheus/hubfleet"


@app.command("render")
def render(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the files go.")],
    fleet: options.Fleet = None,
    state: options.State = None,
    port: options.Port = None,
    tokens: Tokens = TOKENS,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write scrape configuration, alert rules, routes, dashboards and runbooks; no secret is in
    them.
    """
    from hubfleet.monitoring.bundle import all_files
    from hubfleet.monitoring.writing import write_monitoring

    watched = _watched(fleet, state, port, tokens)
    changed = write_monitoring(all_files(watched), to)
    if as_json:
        told = {"written": list(changed.written), "removed": list(changed.removed)}
        output.print_json({"folder": str(to), "hubs": len(watched.hubs), **told})
    elif not quiet:
        hubs, files = counted(len(watched.hubs), "hub"), counted(len(changed.written), "file")
        gone = len(changed.removed)
        output.say(f"monitoring of {hubs} in {to}: {files} changed, {gone} removed")


@app.command("check")
def check(
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", metavar="FILE", help="Check these rules of your own too."),
    ] = None,
    alertmanager: Annotated[
        Path | None,
        typer.Option(
            "--alertmanager",
            metavar="FILE",
            help="Check the rules against this configuration, not against the rendered one.",
        ),
    ] = None,
    fleet: options.Fleet = None,
    state: options.State = None,
    port: options.Port = None,
    tokens: Tokens = TOKENS,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Look for alerts that reach nobody, routes and matchers that match nothing, wrong priorities
    and missing runbooks; ask promtool and amtool where they are installed.
    """
    from hubfleet.monitoring.bundle import alerts_in, routes_of, rule_files, runbooks
    from hubfleet.monitoring.checking import RuleFile, problems_of
    from hubfleet.monitoring.writing import read_yaml_file

    watched = _watched(fleet, state, port, tokens)
    files = [
        RuleFile(f"rules/{name}.yml", content) for name, content in rule_files(watched).items()
    ]
    files += [RuleFile(str(path), read_yaml_file(path, "groups")) for path in rules or []]
    routes = read_yaml_file(alertmanager, "route") if alertmanager else routes_of(watched)
    problems = problems_of(watched, files, routes, runbooks())
    heard = _programs(watched)
    problems += heard.problems
    count = sum(len(alerts_in(file.content)) for file in files)
    if as_json:
        output.print_json(_as_json(count, problems, heard))
    elif problems:
        output.print_problems(problems)
    elif not quiet:
        output.say(
            f"checked {counted(count, 'alert rule')} for {counted(len(watched.hubs), 'hub')}"
        )
    if not quiet and not as_json:
        for name in heard.absent:
            output.tell(f"note: {name} is not installed, and was not asked")
    if problems:
        raise typer.Exit(exits.FAILED)


def _watched(fleet: Path | None, state: Path | None, port: int | None, tokens: str) -> Watched:
    """The fleet and this machine, joined."""
    from hubfleet import wiring
    from hubfleet.fleet.load import load_fleet
    from hubfleet.monitoring.programs import installed_jupyterhub
    from hubfleet.monitoring.watched import Places, watch

    folder = wiring.state_folder(state)

    def token_file(hub: str, local: bool) -> str:
        return str(folder.hub(hub).metrics_token) if local else f"{tokens.rstrip('/')}/{hub}"

    proxy = f"http://127.0.0.1:{wiring.local_platform(state, port=port).proxy_port}"
    return watch(
        load_fleet(wiring.fleet_root(fleet)), Places(proxy, installed_jupyterhub(), token_file)
    )


def _programs(watched: Watched) -> Heard:
    from hubfleet.monitoring.bundle import all_files
    from hubfleet.monitoring.programs import ask_programs
    from hubfleet.monitoring.writing import write_monitoring

    with TemporaryDirectory(prefix="hubfleet-monitoring-") as folder:
        write_monitoring(all_files(watched), Path(folder))
        return ask_programs(Path(folder))


def _as_json(count: int, problems: list[Problem], heard: Heard) -> dict[str, object]:
    return {
        "rules": count,
        "problems": [problem.as_json() for problem in problems],
        "asked": list(heard.asked),
        "absent": list(heard.absent),
    }

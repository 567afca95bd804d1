"""The command line: one file for each command. It parses, calls `wiring`, and prints.

`main` is the program; it turns whatever goes wrong into an exit code (`exits`).
"""

from __future__ import annotations

import sys

import typer

from hubfleet import __version__
from hubfleet.cli import (
    apply,
    availability,
    client,
    cluster,
    doctor,
    down,
    environment,
    exits,
    explain,
    first_link,
    history,
    home,
    hub,
    importing,
    incident,
    init,
    link,
    login,
    logs,
    monitoring,
    objectives,
    oncall,
    plan,
    probe,
    render,
    replicate,
    responsibilities,
    rollback,
    run_due,
    schedules,
    schema,
    secret,
    serve,
    status,
    status_page,
    systemd_unit,
    up,
    usage,
    validate,
    who_can,
)
from hubfleet.cli.help_text import WholeSentences
from hubfleet.kit.errors import HubfleetError

app = typer.Typer(
    name="hubfleet",
    cls=WholeSentences,
    help="One declared fleet, many real JupyterHubs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DECLARE = "Declare"
_RUN = "Run"
_LOOK = "Look"


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"hubfleet {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


app.command("init", rich_help_panel=_DECLARE)(init.init)
app.command("validate", rich_help_panel=_DECLARE)(validate.validate)
app.command("explain", rich_help_panel=_DECLARE)(explain.explain)
app.command("schema", rich_help_panel=_DECLARE)(schema.schema)
app.add_typer(importing.app, name="import", rich_help_panel=_DECLARE)
app.add_typer(replicate.app, name="replicate", rich_help_panel=_DECLARE)
app.add_typer(secret.app, name="secret", rich_help_panel=_DECLARE)
app.command("render", rich_help_panel=_DECLARE)(render.render)
app.add_typer(cluster.app, name="cluster", rich_help_panel=_DECLARE)
app.add_typer(monitoring.app, name="monitoring", rich_help_panel=_DECLARE)
app.command("plan", rich_help_panel=_RUN)(plan.plan)
app.command("apply", rich_help_panel=_RUN)(apply.apply)
app.add_typer(environment.app, name="environment", rich_help_panel=_RUN)
app.command("up", rich_help_panel=_RUN)(up.up)
app.command("rollback", rich_help_panel=_RUN)(rollback.rollback)
app.command("down", rich_help_panel=_RUN)(down.down)
app.command("serve", rich_help_panel=_RUN)(serve.serve)
app.command("run-due", rich_help_panel=_RUN)(run_due.run_due)
app.add_typer(client.app, name="client", rich_help_panel=_RUN)
app.command("first-link", rich_help_panel=_RUN)(first_link.first_link)
app.command("systemd-unit", rich_help_panel=_RUN)(systemd_unit.systemd_unit)
app.command("login", rich_help_panel=_LOOK)(login.login)
app.command("logout", rich_help_panel=_LOOK)(login.logout)
app.command("status", rich_help_panel=_LOOK)(status.status)
app.command("probe", rich_help_panel=_LOOK)(probe.probe)
app.command("logs", rich_help_panel=_LOOK)(logs.logs)
app.command("doctor", rich_help_panel=_LOOK)(doctor.doctor)
app.command("availability", rich_help_panel=_LOOK)(availability.availability)
app.command("schedules", rich_help_panel=_LOOK)(schedules.schedules)
app.add_typer(history.app, name="history", rich_help_panel=_LOOK)
app.add_typer(incident.app, name="incident", rich_help_panel=_LOOK)
app.add_typer(home.app, name="home", rich_help_panel=_LOOK)
app.command("usage", rich_help_panel=_LOOK)(usage.usage)
app.add_typer(hub.app, name="hub", rich_help_panel=_RUN)
app.command("link", rich_help_panel=_LOOK)(link.link)
app.add_typer(oncall.app, name="oncall", rich_help_panel=_LOOK)
app.add_typer(status_page.app, name="status-page", rich_help_panel=_LOOK)
app.command("objectives", rich_help_panel=_LOOK)(objectives.objectives)
app.command("responsibilities", rich_help_panel=_LOOK)(responsibilities.responsibilities)
app.command("who-can", rich_help_panel=_LOOK)(who_can.who_can)


def main() -> None:
    """Run the command line and leave with one of the codes of `exits`."""
    try:
        app()
    except HubfleetError as error:
        from hubfleet.cli.output import print_problems

        print_problems(error.problems)
        sys.exit(exits.FAILED)
    except KeyboardInterrupt:
        sys.exit(exits.INTERRUPTED)
    except OSError as error:
        from hubfleet.cli.crash import explain_system_error

        sys.exit(explain_system_error(error))
    except Exception as error:
        from hubfleet.cli.crash import write_crash_log

        write_crash_log(error)
        sys.exit(exits.BUG)

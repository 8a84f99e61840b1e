"""``sre-orchestrator``: the command line."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

import typer

from sre_orchestrator.api.cli import (
    demo,
    diagnose,
    doctor,
    draft,
    evaluate,
    keys,
    link,
    mcp,
    models,
    packs,
    plugin,
    plugins,
    postmortem,
    replay,
    rules,
    runbooks,
    serve,
    snapshot,
    twin,
    watch,
)
from sre_orchestrator.api.process import prepare
from sre_orchestrator.core.errors import InputError, SreError

BAD_INPUT = 2
FAILED = 1

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo.demo)
app.command("diagnose")(diagnose.diagnose)
app.command("explain")(diagnose.explain)
app.command("doctor")(doctor.doctor)
app.command("replay")(replay.replay_bundle)
app.command("why-not")(replay.why_not)
app.command("compare")(replay.compare_hypotheses)
app.command("postmortem")(postmortem.draft)
app.command("evaluate")(evaluate.evaluate)
app.command("watch")(watch.watch)
app.command("serve")(serve.serve)
app.command("plugins")(plugins.plugins)
rules.app.command("draft")(draft.draft_rule)
rules.app.command("add")(packs.add)
rules.app.command("packs")(packs.packs)
rules.app.command("remove")(packs.remove)
app.add_typer(keys.app, name="keys")
app.add_typer(mcp.app, name="mcp")
app.add_typer(models.app, name="models")
app.add_typer(plugin.app, name="plugin")
app.add_typer(rules.app, name="rules")
runbooks.app.command("link")(link.link)
app.add_typer(runbooks.app, name="runbooks")
app.add_typer(snapshot.app, name="snapshot")
app.add_typer(twin.app, name="twin")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(metadata.version("sre-orchestrator"))
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Diagnose Kubernetes incidents: ranked hypotheses with proof, no language model needed."""


def main() -> None:
    """Run the command line; an error of ours is one line on standard error, bad input exits with 2."""
    prepare()
    try:
        app()
    except SreError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT if isinstance(error, InputError) else FAILED)


if __name__ == "__main__":
    main()

"""``sre-orchestrator``: the command line."""

from __future__ import annotations

import sys

import typer

from sre_orchestrator.api.cli import demo, diagnose, evaluate, plugins, replay, rules, twin
from sre_orchestrator.core.errors import InputError, SreError

BAD_INPUT = 2
FAILED = 1

app = typer.Typer(
    help="Diagnose Kubernetes incidents: ranked hypotheses with proof, no language model needed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo.demo)
app.command("diagnose")(diagnose.diagnose)
app.command("explain")(diagnose.explain)
app.command("replay")(replay.replay_bundle)
app.command("why-not")(replay.why_not)
app.command("compare")(replay.compare_hypotheses)
app.command("evaluate")(evaluate.evaluate)
app.command("plugins")(plugins.plugins)
app.add_typer(rules.app, name="rules")
app.add_typer(twin.app, name="twin")


def main() -> None:
    """Run the command line; an error of ours is one line on standard error, bad input exits with 2."""
    try:
        app()
    except SreError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT if isinstance(error, InputError) else FAILED)


if __name__ == "__main__":
    main()

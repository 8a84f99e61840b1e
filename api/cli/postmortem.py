"""``sre-orchestrator postmortem``."""

from __future__ import annotations

import typer

from sre_orchestrator.api.cli.replay import BundleArgument
from sre_orchestrator.core.bundle import read_bundle
from sre_orchestrator.core.postmortem import postmortem


def draft(bundle: BundleArgument) -> None:
    """Draft a post-mortem in Markdown from a saved investigation: summary, timeline, cause with proof, actions.

    What is not known here is in italics, for people to write. Where a language model worded the report, its
    sentences are the summary.

    Example:
      sre-orchestrator postmortem incident.bundle > postmortem.md

    """
    typer.echo(postmortem(read_bundle(bundle).report))

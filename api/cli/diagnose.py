"""``sre-orchestrator diagnose`` and ``explain``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import anyio
import msgspec
import typer

from sre_orchestrator.api.cli.common import (
    BaseUrlOption,
    Format,
    FormatOption,
    ModelOption,
    SettingsOption,
    StateOption,
    echo_json,
    look_at_each,
    parse_time,
    settings_from,
    shown_progress,
    with_model,
)
from sre_orchestrator.core.bundle import write_bundle
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Hypothesis, Report
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import ModelSettings, Settings

UNRESOLVED = 3
RecordedOption = Annotated[
    Path | None,
    typer.Option(
        "--snapshot",
        help="A recorded incident: a folder, .tar.gz, .tar.xz or .zip; without it, the running cluster.",
        show_default=False,
    ),
]
KubeconfigOption = Annotated[
    Path | None,
    typer.Option(help="The kubeconfig; by default KUBECONFIG, ~/.kube/config, then the account of the pod."),
]


def diagnose(
    question: Annotated[str, typer.Argument(help="What is wrong, in words; by default what the snapshot says.")] = "",
    snapshot: RecordedOption = None,
    namespace: Annotated[
        str,
        typer.Option(help="Where to look (comma-separated); by default what snapshot, settings or context say."),
    ] = "",
    context: Annotated[
        list[str] | None,
        typer.Option(help="A context of the kubeconfig; repeatable: one investigation and one report each."),
    ] = None,
    kubeconfig: KubeconfigOption = None,
    at: Annotated[
        str, typer.Option(help="When it happened, ISO 8601; by default when the snapshot was taken, or now.")
    ] = "",
    format: FormatOption = Format.TEXT,
    save_bundle: Annotated[
        Path | None, typer.Option(help="Write the investigation to a file for replay.", show_default=False)
    ] = None,
    pseudonymise: Annotated[
        bool,
        typer.Option("--pseudonymise", help="Hide names, hosts and addresses in what --save-bundle writes."),
    ] = False,
    model: ModelOption = "",
    base_url: BaseUrlOption = "",
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Diagnose a running cluster, or a recorded incident.

    Exit code 0: diagnosed, 3: unresolved, 2: bad input. With several contexts, --format json prints a list of reports.

    Examples:
      sre-orchestrator diagnose "checkout answers 500" --namespace shop
      sre-orchestrator diagnose "the shop is down" --context eu --context us
      sre-orchestrator diagnose --snapshot incident.tar.gz
      sre-orchestrator diagnose "checkout answers 500" --snapshot ./incident --namespace shop --format json
      sre-orchestrator diagnose --snapshot incident.tar.gz --model llama_cpp:/models/model.gguf

    """
    contexts = context or [""]
    if save_bundle and len(contexts) > 1:
        raise InputError("--save-bundle: one file holds one investigation; give one --context")
    if pseudonymise and not save_bundle:
        raise InputError("--pseudonymise: is about what is written; give --save-bundle, too")
    where = with_model(with_kubeconfig(settings_from(settings, state_dir), kubeconfig), model, base_url)
    if snapshot and (context or kubeconfig):
        raise InputError("--snapshot: a recorded incident has no contexts; leave out --context and --kubeconfig")
    if len(contexts) > 1:
        raise typer.Exit(_diagnose_each(where, contexts, (question, namespace, at), format))
    bundle = investigate(where, snapshot, question, namespace, at, context=contexts[0])
    if save_bundle:
        write_bundle(_pseudonymised(bundle, where) if pseudonymise else bundle, save_bundle)
    show(bundle.report, format)
    raise typer.Exit(0 if bundle.report.verdict == "diagnosed" else UNRESOLVED)


def _pseudonymised(bundle: Bundle, settings: Settings) -> Bundle:
    """Return a bundle with pseudonyms, and say on standard error what was masked in it."""
    from sre_orchestrator.api.wiring import Installation  # noqa: PLC0415 - help must be quick
    from sre_orchestrator.core.language.export import pseudonymised  # noqa: PLC0415

    installation = Installation(msgspec.structs.replace(settings, model=ModelSettings()))
    hidden, masked = pseudonymised(bundle, installation.reasoning())
    told = ", ".join(f"{count} {kind}" for kind, count in masked.items())
    typer.echo(f"masked in the bundle: {told or 'nothing'}", err=True)
    return hidden


def _diagnose_each(settings: Settings, contexts: Sequence[str], asked: tuple[str, str, str], form: Format) -> int:
    """Diagnose several clusters and return the exit code."""
    reports: list[Report] = []

    def look(context: str) -> int:
        report = investigate(settings, None, *asked, context=context).report
        reports.append(report)
        if form is not Format.JSON:
            show(report, form)
        return 0 if report.verdict == "diagnosed" else UNRESOLVED

    code = look_at_each(contexts, look)
    if form is Format.JSON:
        echo_json(reports)
    return code


def explain(
    number: Annotated[int, typer.Argument(help="Which hypothesis, counted from 1.")] = 1,
    snapshot: RecordedOption = None,
    question: Annotated[str, typer.Option(help="What is wrong, in words.")] = "",
    namespace: Annotated[str, typer.Option(help="Where to look.")] = "",
    at: Annotated[str, typer.Option(help="When it happened.")] = "",
    context: Annotated[str, typer.Option(help="A context of the kubeconfig.")] = "",
    kubeconfig: KubeconfigOption = None,
    model: ModelOption = "",
    base_url: BaseUrlOption = "",
    settings: SettingsOption = None,
    state_dir: StateOption = None,
) -> None:
    """Print the proof tree of a hypothesis, down to facts and the command that shows each.

    Examples:
      sre-orchestrator explain 1 --snapshot incident.tar.gz
      sre-orchestrator explain 1 --question "checkout answers 500" --namespace shop

    """
    from sre_orchestrator.api.render import proof_text  # noqa: PLC0415

    where = with_model(with_kubeconfig(settings_from(settings, state_dir), kubeconfig), model, base_url)
    report = investigate(where, snapshot, question, namespace, at, context=context).report
    typer.echo(proof_text(report, chosen(report, number)))


def with_kubeconfig(settings: Settings, kubeconfig: Path | None) -> Settings:
    """Return settings in which a kubeconfig of the command line replaces the one that is set, and a snapshot too."""
    if kubeconfig is None:
        return settings
    access = msgspec.structs.replace(settings.cluster, kubeconfig=str(kubeconfig))
    return msgspec.structs.replace(settings, cluster=access, snapshot="")


def chosen(report: Report, number: int) -> Hypothesis:
    """Return hypothesis ``number`` (from 1), ruled-out ones last.

    Raises:
        InputError: there are not so many.

    """
    every = (*report.hypotheses, *report.ruled_out)
    if not 1 <= number <= len(every):
        raise InputError(f"hypothesis {number} does not exist; the report has {len(every)}")
    return every[number - 1]


def investigate(
    settings: Settings, snapshot: Path | None, question: str, namespace: str, at: str, *, context: str = ""
) -> Bundle:
    """Diagnose with a progress display: a snapshot, that of the settings, or the running cluster."""
    from sre_orchestrator.api.wiring import Installation, diagnose_snapshot  # noqa: PLC0415 - help must be quick

    moment = parse_time(at) if at else None
    recorded = snapshot or (Path(settings.snapshot) if settings.snapshot and not context else None)
    with closing(Installation(settings)) as installation, shown_progress() as progress:

        async def diagnosed() -> Bundle:
            if recorded:
                return await diagnose_snapshot(
                    installation, recorded, question=question, namespace=namespace, at=moment, progress=progress
                )
            from sre_orchestrator.api.live import diagnose_live  # noqa: PLC0415 - not needed for snapshots

            return await diagnose_live(
                installation, question, namespace=namespace, context=context, at=moment, progress=progress
            )

        async def run() -> None:
            found.append(await diagnosed())

        # not returned: asyncio writes the result of a main task into a message that nobody sees, twice
        found: list[Bundle] = []
        anyio.run(run)
        return found[0]


def show(report: Report, form: Format) -> None:
    """Print a report on standard output."""
    from sre_orchestrator.api import render  # noqa: PLC0415 - help must be quick

    if form is Format.JSON:
        typer.echo(render.json_text(report))
    elif form is Format.MARKDOWN:
        typer.echo(render.markdown(report))
    else:
        render.print_report(report)

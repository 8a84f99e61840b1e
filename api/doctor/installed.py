"""Looks at what does not depend on a cluster: plugins, rule book, models, state."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from sre_orchestrator.api.doctor.checkup import Check
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.plugins import BLOCKED

MODELS = {"llama_cpp": "pip install 'sre-orchestrator[local]'", "openai": "pip install openai"}


def check_installation(installation: Installation) -> Iterator[Check]:
    """Yield what this installation has, whatever it looks at; call it when the sources are registered."""
    yield from _plugins(installation)
    yield from _rules(installation)
    yield from _models()
    yield from _servers(installation)
    yield _state(Path(installation.settings.state_dir))


def _plugins(installation: Installation) -> Iterator[Check]:
    found = installation.plugins.found
    built_in = [one.name for one in found if one.origin == "built in" and not one.problem]
    yield Check(area="plugins", name="built in", found=", ".join(built_in))
    for one in found:
        if one.problem:
            blocked = one.problem == BLOCKED
            yield Check(
                area="plugins",
                name=one.name,
                state="unused" if blocked else "missing",
                why=one.problem,
                remedy="take it out of block_plugins" if blocked else f"fix, upgrade or uninstall it ({one.origin})",
            )
        elif one.origin != "built in":
            yield Check(area="plugins", name=one.name, found=one.origin)


def _rules(installation: Installation) -> Iterator[Check]:
    book, settings = installation.book, installation.settings
    yield Check(
        area="rules",
        name="rule book",
        found=f"{len(book.rules)} rules for {len(book.causes)} causes, {book.digest}, run by {settings.engine}",
    )
    for number, gap in enumerate(installation.book_gaps(), start=1):
        why = f"{gap.what}: {gap.why}"
        yield Check(area="rules", name=f"missing {number}", state="missing", why=why, remedy=gap.remedy)


def _models() -> Iterator[Check]:
    """Yield which libraries could run a model; no model is ever needed."""
    for module, command in MODELS.items():
        if find_spec(module):
            yield Check(
                area="models",
                name=module,
                state="unused",
                found="the library is installed",
                why="no model is configured",
                remedy="nothing: a diagnosis needs none",
            )
        else:
            yield Check(area="models", name=module, state="unused", why="the library is not installed", remedy=command)


def _servers(installation: Installation) -> Iterator[Check]:
    """Yield what each MCP server answers, and what does not fit the settings."""
    if not installation.settings.mcp_servers:
        why, remedy = "none is configured", "nothing: a diagnosis needs none"
        yield Check(area="servers", name="MCP servers", state="unused", why=why, remedy=remedy)
        return
    from sre_orchestrator.plugins.mcp.checking import checked  # noqa: PLC0415 - nobody else pays for it
    from sre_orchestrator.plugins.mcp.server import Server  # noqa: PLC0415

    for settings in installation.settings.mcp_servers:
        with closing(Server(settings)) as server:
            found = checked(server, installation.kinds())
        yield Check(
            area="servers",
            name=settings.name,
            state="missing" if found.problems else "ok",
            found=f"{found.answered}, {found.tools} tools, of which {len(found.used)} are used"
            if found.answered
            else "",
            why="; ".join(found.problems),
            remedy="sre-orchestrator mcp check" if found.problems else "",
        )


def _state(folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(
            area="state",
            name="state folder",
            state="missing",
            why=f"{folder}: cannot be written: {error.strerror or error}",
            remedy="set state_dir (--state-dir, SRE_ORCHESTRATOR_STATE_DIR) to a folder that can be written",
        )
    return Check(area="state", name="state folder", found=f"{folder} can be written")

"""What this plugin adds to SRE-Orchestrator."""

from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

from sre_orchestrator.core.hookspecs import Agent, AlertFormat, Source, hookimpl
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.snapshot import Snapshot

from flag_service.agent import StatusAgent
from flag_service.alerts import StatusAlerts
from flag_service.options import options_from
from flag_service.source import StatusPage, live_page, recorded_page

HOOKS = 1  # the version of the hooks that this was written for
HERE = files("flag_service")


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Add the agent."""
    return [StatusAgent(options_from(settings))]


@hookimpl
def register_sources(settings: Settings) -> Sequence[Source]:
    """Add the status page to a running cluster, when the settings say where it is."""
    options = options_from(settings)
    return [live_page(options)] if options.url else []


@hookimpl
def register_snapshot_sources(snapshot: Snapshot) -> Sequence[Source]:
    """Add what was recorded of the status page to a recorded incident."""
    folder = snapshot.root / "plugins" / StatusPage.name
    return [recorded_page(folder)] if folder.is_dir() else []


@hookimpl
def register_vocabulary() -> Sequence[Traversable]:
    """Add the kinds of facts that the agent reports."""
    return [HERE / "kinds"]


@hookimpl
def register_causes() -> Sequence[Traversable]:
    """Add the causes that the rules conclude."""
    return [HERE / "causes"]


@hookimpl
def register_rules() -> Sequence[Traversable]:
    """Add the rules."""
    return [HERE / "rules"]


@hookimpl
def register_runbooks() -> Sequence[Traversable]:
    """Add the runbooks."""
    return [HERE / "runbooks"]


@hookimpl
def register_alert_formats() -> Sequence[AlertFormat]:
    """Let the service take what the status page posts."""
    return [StatusAlerts()]

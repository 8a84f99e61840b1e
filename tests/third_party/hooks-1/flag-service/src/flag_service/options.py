"""What the settings may say to this plugin."""

import msgspec
from sre_orchestrator.core.settings import Settings


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``plugins: {flag-service: {…}}``: the status page's address, and the domain that workloads call."""

    url: str = ""
    domain: str = "flag-service.example"
    timeout_seconds: float = 5.0


def options_from(settings: Settings) -> Options:
    """Return what the settings say; a wrong key raises, which SRE-Orchestrator reports with the plugin's name."""
    return msgspec.convert(settings.plugins.get("flag-service", {}), Options)

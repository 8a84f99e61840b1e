"""What the service tells of itself: figures for Prometheus, traces, and whether it is ready."""

from sre_orchestrator.api.service.telemetry.figures import Figures
from sre_orchestrator.api.service.telemetry.observed import Observed
from sre_orchestrator.api.service.telemetry.outbox import CountedOutbox
from sre_orchestrator.api.service.telemetry.together import Telemetry

__all__ = ["CountedOutbox", "Figures", "Observed", "Telemetry"]

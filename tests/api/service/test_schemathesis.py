"""The API against its own description: whatever is sent, the answer is one that the document knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import negative_data_rejection, positive_data_acceptance
from service import bundle_of

from sre_orchestrator.api.health import bound
from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.models import Reported
from sre_orchestrator.api.service.rest.described import described
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.serving import config_of
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.service.twins import RecordedTwin
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.knowledge.formats import MEDIA_TYPES

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
CONFIG = schemathesis.config.SchemathesisConfig.from_dict(
    {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "422", "429", "503"]}}}
)
# What these accept is described by others, and not by a schema: that a body fits the schema does not make it readable.
UNREADABLE = {"reportAlerts", "reportAlertmanagerAlerts", "reportAlertmanagerAlertsToo", "reportEvents", "replay"}
ANY_TEXT = {"keepRunbook"}  # a runbook is text, and so is what schemathesis sends in the place of text
for media_type in ("application/gzip", *(one for one in MEDIA_TYPES if one.startswith("application/"))):
    schemathesis.serializer.alias(media_type, "application/octet-stream")
schema = schemathesis.openapi.from_dict(described(), config=CONFIG)


class Instant:
    """Has every report at once (``api.service.ports.Investigator``)."""

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Return always the same."""
        del incident_id, reported, progress
        return bundle_of()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield where the service listens, behind the server that users have."""
    state = tmp_path_factory.mktemp("state")
    installation = Installation(Settings(state_dir=str(state)))
    limits = installation.settings.service
    with (
        closing(open_database("", state)) as store,
        closing(RecordedTwin(installation, DEMO)) as twins,
        closing(bound("127.0.0.1", 0)) as ears,
    ):
        dispatcher = InProcess(store, Instant(), Silent(), limits=limits)
        service = Service(installation=installation, store=store, dispatcher=dispatcher, twins=twins)
        server = uvicorn.Server(config_of(application(service), limits.requests))
        thread = Thread(target=server.run, kwargs={"sockets": [ears]})
        thread.start()
        yield f"http://127.0.0.1:{ears.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


@schema.parametrize()
@settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_knows(case: schemathesis.Case, address: str) -> None:
    operation = case.operation.definition.raw["operationId"]
    unfit = [positive_data_acceptance] if operation in UNREADABLE else []
    unfit += [negative_data_rejection] if operation in ANY_TEXT else []

    case.call_and_validate(base_url=address, timeout=30, excluded_checks=unfit)

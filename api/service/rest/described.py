"""The OpenAPI document without a running service, for the docs and for whoever generates clients."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.investigators import Live
from sre_orchestrator.api.service.rest.document import Document, document
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings


def described() -> Document:
    """Return the document of the service as it is installed."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state_dir=folder)
        installation = Installation(settings)
        with closing(open_database("", Path(folder))) as store:
            dispatcher = InProcess(store, Live(installation), Silent(), limits=settings.service)
            return document(application(Service(installation=installation, store=store, dispatcher=dispatcher)))

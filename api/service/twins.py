"""The component graph that the service answers from: of the recorded incident, or the one that is kept of the cluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from pathlib import Path
from typing import Protocol, TypeVar

import anyio

from sre_orchestrator.api.logs import warn
from sre_orchestrator.api.recorded import read_recorded
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.twin.store import TwinStore

T = TypeVar("T")


class NoTwin(InputError):  # noqa: N818 - it is what happened
    """There is no twin to ask."""


class Twins(Protocol):
    """Has a twin to ask; safe to call from several threads."""

    def ask(self, question: Callable[[TwinStore], T]) -> T:
        """Return the answer of the twin.

        Raises:
            NoTwin: there is none; the message says why and what to do.

        """
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class Nowhere:
    """Stands in where there is no twin."""

    def ask(self, question: Callable[[TwinStore], T]) -> T:
        """Refuse."""
        del question
        raise NoTwin("this service has no twin")

    def close(self) -> None:
        """Do nothing."""


class KeptTwin:
    """Asks the twin that ``twin follow`` or ``watch`` keeps of the cluster."""

    def __init__(self, settings: Settings) -> None:
        from sre_orchestrator.api.keeping import twin_path  # noqa: PLC0415 - clients of clusters are slow to import

        self._path = twin_path(settings)

    def close(self) -> None:
        """Keep nothing open."""

    def ask(self, question: Callable[[TwinStore], T]) -> T:
        """Return the answer of the twin as it is now."""
        if not self._path.is_file():
            raise NoTwin(
                "nobody keeps the twin of this cluster; run serve --watch, or beside it: sre-orchestrator twin follow"
            )
        with closing(TwinStore(self._path, read_only=True)) as twin:
            return question(twin)


class RecordedTwin:
    """Asks the twin of a snapshot, which is built at the first question and then kept in memory, in a thread of its own."""

    def __init__(self, installation: Installation, snapshot: Path) -> None:
        self._installation = installation
        self._snapshot = snapshot
        self._twin: TwinStore | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="twin")

    def close(self) -> None:
        """Forget the twin."""
        if self._twin:
            self._thread.submit(self._twin.close).result()
        self._thread.shutdown()

    def ask(self, question: Callable[[TwinStore], T]) -> T:
        """Return the answer of the twin as it was recorded, for whoever calls."""
        asked = copy_context()  # who calls is known in there, too
        return self._thread.submit(asked.run, lambda: question(self._built())).result()

    def _built(self) -> TwinStore:
        if self._twin is None:
            self._twin, gaps = anyio.run(read_recorded, self._installation, self._snapshot)
            for gap in gaps:
                warn(f"{gap.agent}: {gap.what}: {gap.why}")
        return self._twin

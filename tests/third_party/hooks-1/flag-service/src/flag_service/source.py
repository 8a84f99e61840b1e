"""The source: a status page, as it answers now or as it was recorded."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.models import Component, Edge, Gap

from flag_service.options import Options

FILE = "components.json"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of Flag Service; ``status`` is ``operational``, ``degraded_performance``, ``partial_outage`` or the like."""

    name: str
    status: str
    updated_at: datetime | None = None


class _Page(msgspec.Struct):
    components: tuple[Part, ...]


class StatusPage:
    """Tells how the parts of Flag Service are; ``read`` gives the page's own JSON."""

    name = "flag-service"

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read

    async def parts(self) -> Sequence[Part]:
        """Return the parts; whatever goes wrong is a SourceMissing, which SRE-Orchestrator reports as a gap."""
        try:
            return msgspec.json.decode(self._read(), type=_Page).components
        except (OSError, msgspec.DecodeError) as error:
            raise SourceMissing(f"the status page of Flag Service cannot be read: {error}") from error

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield the components that this source knows: none, it sees only what is outside the cluster."""
        nothing: tuple[Component, ...] = ()
        for one in nothing:
            yield one

    async def record(self) -> Mapping[str, bytes]:
        """Return the files that ``sre-orchestrator snapshot take`` keeps of this source."""
        return {FILE: self._read()}


def live_page(options: Options) -> StatusPage:
    """Return the page as it answers each time it is asked."""

    def read() -> bytes:
        import httpx  # here, because it is slow to import and most commands never ask the page

        try:
            answer = httpx.get(f"{options.url}/api/v2/{FILE}", timeout=options.timeout_seconds)
            return answer.raise_for_status().content
        except httpx.HTTPError as error:
            raise SourceMissing(
                f"the status page of Flag Service does not answer: {error}; see url in the settings"
            ) from error

    return StatusPage(read)


def recorded_page(folder: Path) -> StatusPage:
    """Return the page as it was recorded."""
    return StatusPage((folder / FILE).read_bytes)

"""The addresses at which alerts and events arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, cast

import anyio
import msgspec
from litestar import Request, Router, post
from litestar.datastructures import State
from litestar.exceptions import (
    ClientException,
    NotAuthorizedException,
    NotFoundException,
    ServiceUnavailableException,
)
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter

from sre_orchestrator.api.service.intake import alertmanager, cloudevents, grafana, pagerduty
from sre_orchestrator.api.service.intake.gate import Intake, Overloaded, Taken
from sre_orchestrator.api.service.intake.signatures import Unsigned, Unverifiable, verify
from sre_orchestrator.api.service.rest.problems import Problem
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.core.hookspecs import AlertFormat
from sre_orchestrator.core.notices import Notice

AT_A_TIME = 8  # requests that are read, each of service.alert_bytes at most
READ_SECONDS = 30.0
BUILTIN: tuple[AlertFormat, ...] = (alertmanager.FORMAT, grafana.FORMAT, pagerduty.FORMAT)
AGAIN = {"Retry-After": "5"}
Asked = Request[object, object, State]
PROBLEMS = {
    status: ResponseSpec(Problem, description=text, media_type="application/problem+json")
    for status, text in ((400, "It cannot be read."), (413, "It is too large."), (503, "Send it again."))
}
Name = Annotated[str, PathParameter(max_length=60, description="alertmanager, grafana, pagerduty, or one of a plugin.")]


class Doors:
    """The formats, and what takes in what they say."""

    def __init__(self, service: Service) -> None:
        self.intake = Intake(service)
        more = cast("list[AlertFormat]", service.installation.plugins.collect("register_alert_formats"))
        self.formats: Mapping[str, AlertFormat] = {one.name: one for one in (*more, *BUILTIN)}
        self._secret_file = service.installation.settings.service.pagerduty_secret_file
        self.reading = anyio.CapacityLimiter(AT_A_TIME)

    async def take(self, request: Asked, chosen: AlertFormat) -> Taken:
        """Keep what a request says."""
        try:
            with anyio.fail_after(READ_SECONDS):
                async with self.reading:
                    notices = self._read(chosen, await request.body(), dict(request.headers.items()))
            return await self.intake.take(chosen.name, notices)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ClientException(f"this is nothing that {chosen.name} sends: {error}") from error
        except TimeoutError as error:
            raise ServiceUnavailableException("too many send at once, or too slowly", headers=AGAIN) from error
        except Unsigned as error:
            raise NotAuthorizedException(str(error)) from error
        except (Overloaded, Unverifiable) as error:
            raise ServiceUnavailableException(str(error), headers=AGAIN) from error

    def _read(self, chosen: AlertFormat, body: bytes, headers: Mapping[str, str]) -> Sequence[Notice]:
        if chosen is pagerduty.FORMAT and self._secret_file:
            verify(body, headers, self._secret_file)
        return chosen.notices(body, headers)


@post(
    ["/api/v1/alerts/{name:str}", "/api/alerts", "/webhook/alertmanager"],
    status_code=202,
    summary="Report alerts",
    tags=["alerts"],
    responses=PROBLEMS,
)
async def alerts(request: Asked, state: State, name: Name = "alertmanager") -> Taken:
    """Accept what an alerting system posts; it is on disk before this answers, and is investigated at once."""
    doors: Doors = state.doors
    if name not in doors.formats:
        raise NotFoundException(f"there is no format {name[:40]!r}; known: {', '.join(sorted(doors.formats))}")
    return await doors.take(request, doors.formats[name])


@post(
    "/api/v1/events",
    operation_id="reportEvents",
    status_code=202,
    summary="Report events (CloudEvents)",
    tags=["alerts"],
    responses=PROBLEMS,
)
async def events(request: Asked, state: State) -> Taken:
    """Accept CloudEvents: structured, binary, or a batch."""
    doors: Doors = state.doors
    return await doors.take(request, cloudevents.FORMAT)


def routes(service: Service) -> Router:
    """Return the routes; the application keeps ``Doors(service)`` as ``state.doors``."""
    return Router(
        "/",
        route_handlers=[alerts, events],
        request_max_body_size=service.installation.settings.service.alert_bytes,
    )

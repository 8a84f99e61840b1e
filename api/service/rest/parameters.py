"""Parameters that several requests have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar.exceptions import ClientException
from litestar.params import HeaderParameter, PathParameter, QueryParameter

from sre_orchestrator.api.service.moments import utc

NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no NUL
Id = Annotated[str, PathParameter(max_length=40, pattern=NO_NUL, description="The id of an incident.")]
Moment = Annotated[
    str, QueryParameter(schema_extra={"format": "date-time"})
]  # read by `moment`: Litestar takes figures
Words = Annotated[str, QueryParameter(max_length=400, pattern=NO_NUL)]
IfNoneMatch = Annotated[str, HeaderParameter(name="If-None-Match", max_length=1000, required=False)]
Name = Annotated[str, QueryParameter(max_length=253, pattern=NO_NUL)]


def moment(given: str, name: str) -> datetime | None:
    """Return the time of parameter ``name`` as UTC, also where it names no zone, within the years that are counted in.

    Raises:
        ClientException: it is no time.

    """
    if not given:
        return None
    try:
        told = msgspec.convert(given, datetime)
    except msgspec.ValidationError as error:
        raise ClientException(f"{name}: {given[:40]!r} is no time such as 2030-05-01T12:00:00Z") from error
    return utc(told)


def is_known(tag: str, told: str) -> bool:
    """Say whether ``If-None-Match``, as it was ``told``, names a tag (RFC 9110, 13.1.2: weak ones, and ``*``, count)."""
    return told.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in told.split(",")]

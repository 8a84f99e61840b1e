"""Whether a delivery is signed by who knows the secret: https://developer.pagerduty.com/docs/verifying-webhook-signatures."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path

import structlog

from sre_orchestrator.core.errors import SreError

HEADER = "x-pagerduty-signature"
VERSION = "v1="
MOST_SIGNATURES = 20
log = structlog.get_logger()


class Unsigned(SreError):  # noqa: N818 - it is what happened
    """No signature of the delivery is right."""


class Unverifiable(SreError):  # noqa: N818 - it is what happened
    """The secret cannot be read: nothing can be told from a forgery."""


def verify(body: bytes, headers: Mapping[str, str], file: str) -> None:
    """Hold a delivery to its signatures; ``file`` holds a secret a line, so that they can be rotated.

    Raises:
        Unsigned: none is right.
        Unverifiable: there is no secret to compare with.

    """
    told = [one.strip() for one in headers.get(HEADER, "").split(",")[:MOST_SIGNATURES]]
    if not _any_right(body, told, _secrets(file)):
        raise Unsigned("the header X-PagerDuty-Signature holds no right signature of this body")


def _any_right(body: bytes, told: Iterable[str], secrets: Iterable[str]) -> bool:
    known = [VERSION + hmac.new(one.encode(), body, hashlib.sha256).hexdigest() for one in secrets]
    right = [hmac.compare_digest(one.encode(), given.encode()) for one in known for given in told]
    return any(right)


def _secrets(file: str) -> list[str]:
    try:
        found = [one.strip() for one in Path(file).read_text(encoding="utf-8").splitlines() if one.strip()]
    except (OSError, UnicodeDecodeError):
        found = []
    if not found:
        log.error("service.pagerduty_secret_file holds no secret", file=file)
        raise Unverifiable("signatures cannot be verified at the moment; the log of the service says why")
    return found

"""The door to those who are told: posts a message; what goes wrong is said without the address, which may be a secret."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping

import httpx

from sre_orchestrator.core.errors import SreError
from sre_orchestrator.core.redact import without_secrets

LONGEST_WAIT_SECONDS = 3600.0
REDIRECTED = 300
# They would log the address, of which Slack's is the secret.
for noisy in ("httpx", "httpcore"):
    logging.getLogger(noisy).setLevel(logging.WARNING)


class Undelivered(SreError):  # noqa: N818 - it is what happened
    """A message did not arrive; ``wait`` is for how many seconds the other side wants to be left alone."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(without_secrets(why))
        self.wait = wait


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> None:
    """Post ``body``; nothing is read of the answer but its status.

    Raises:
        Undelivered: nobody accepted it.

    """
    try:
        where = httpx.URL(url).host
        verify = httpx.create_ssl_context(trust_env=False) if url.startswith("https:") else False
        with (
            httpx.Client(timeout=seconds, verify=verify, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            status, wait = answer.status_code, answer.headers.get("Retry-After", "")
    except httpx.InvalidURL as error:
        raise Undelivered("the address cannot be read; give one that begins with https://") from error
    except httpx.TimeoutException as error:
        raise Undelivered(f"{where}: no answer within {seconds:g} s") from error
    except (httpx.HTTPError, ssl.SSLError, OSError) as error:
        raise Undelivered(f"{where}: cannot be reached: {error}".replace(url, "the address")) from error
    if status >= REDIRECTED:
        seconds_left_alone = float(wait) if wait.isdecimal() else 0.0
        raise Undelivered(f"{where}: answers {status}", min(seconds_left_alone, LONGEST_WAIT_SECONDS))

"""The door to repeated requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import stamina

ATTEMPTS = 3
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 2.0


def repeated(on: Callable[[Exception], bool | float], *, timeout: float) -> Iterator[stamina.Attempt]:
    """Yield attempts, ``with`` each of which a request is made; the last failure is raised, or the first after ``timeout``.

    ``on`` says of a failure whether to try again, or after how many seconds.
    """
    _say_nothing()
    return iter(
        stamina.retry_context(
            on=on,
            attempts=ATTEMPTS,
            timeout=timeout,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_max=LONGEST_WAIT_SECONDS,
        )
    )


@cache
def _say_nothing() -> None:
    """Keep notes of retries off standard output, where reports go; what fails in the end is told anyway."""
    stamina.instrumentation.set_on_retry_hooks(())

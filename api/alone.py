"""Sees to it that one process at a time uses what only one may use."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sre_orchestrator.core.errors import InputError


@contextmanager
def alone(lock: Path, otherwise: str) -> Iterator[None]:
    """Hold ``lock``, a file, until the context ends or the process dies.

    Raises:
        InputError: another process holds it; ``otherwise`` says what that means.

    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(otherwise) from error
        yield

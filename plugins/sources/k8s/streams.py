"""Answers that are being read, so that another thread can end them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from urllib3 import BaseHTTPResponse


class Streams:
    """The streams of one watch; ``over`` once they were ended."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self._open: set[BaseHTTPResponse] = set()
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, response: BaseHTTPResponse) -> Iterator[None]:
        """Close the answer afterwards; meanwhile ``end`` lets a read of it return."""
        with self._lock:
            self._open.add(response)
        if self.over.is_set():
            _shut(response)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(response)
            response.close()

    def end(self) -> None:
        """End what is being read, and what will be."""
        self.over.set()
        with self._lock:
            for response in self._open:
                _shut(response)


def _shut(response: BaseHTTPResponse) -> None:
    with suppress(ValueError, RuntimeError, OSError):  # it has ended by itself
        response.shutdown()

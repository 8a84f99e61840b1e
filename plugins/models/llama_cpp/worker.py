"""One thread that owns a loaded model: what it is asked comes one after another, and is given up in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.plugins.models.llama_cpp.engine import Engine, Stopped

T = TypeVar("T")
CLOSED = "the model is closed"


class Worker:
    """Computes with one model, whose threads of computation belong to this thread."""

    def __init__(self, load: Callable[[], Engine]) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llama_cpp")
        self._lock = threading.Lock()
        self._now: object = None
        self._closed = False
        with ExitStack() as failing:
            failing.callback(self._pool.shutdown, wait=False)
            self._engine = self._pool.submit(load).result()
            failing.pop_all()

    def do(self, job: Callable[[Engine], T], seconds: float) -> T:
        """Return what ``job`` returns, in at most ``seconds``, which also count while others are before it.

        Raises:
            ModelError: it took too long and was stopped, or the model is closed.

        """
        mark = object()
        begun = time.monotonic()
        try:
            future = self._pool.submit(self._run, job, mark)
        except RuntimeError as error:
            raise ModelError(CLOSED) from error
        try:
            return future.result(seconds)
        except TimeoutError as error:
            waiting = future.cancel()
            self._stop(mark)
            why = "others were before it" if waiting else "it was stopped"
            raise ModelError(f"no answer within {time.monotonic() - begun:.1f} seconds: {why}") from error
        except (CancelledError, Stopped) as error:
            raise ModelError(CLOSED) from error

    def close(self) -> None:
        """Stop what is being computed, and give the memory back."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._engine.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._engine.close()

    def _run(self, job: Callable[[Engine], T], mark: object) -> T:
        with self._lock:
            if self._closed:
                raise Stopped
            self._now = mark
            self._engine.go_on()
        try:
            return job(self._engine)
        finally:
            with self._lock:
                self._now = None

    def _stop(self, mark: object) -> None:
        """Stop the job of ``mark``, if that is what is being computed."""
        with self._lock:
            if self._now is mark:
                self._engine.stop()

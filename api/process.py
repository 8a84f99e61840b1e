"""What every process of the program does first."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os

OBJECTS_BETWEEN_COLLECTIONS = 200_000
M_ARENA_MAX = -8  # malloc.h of glibc


def prepare() -> None:
    """Make a process quick.

    Numerical libraries keep to one thread: our arrays are small, and starting threads costs more than they save.
    The collector of cycles looks less often: what is read is frozen values, which make none (a tenth of a diagnosis).
    It does not look at all when the process ends, where it would go through everything that the system takes back anyway.
    """
    atexit.register(gc.freeze)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def last_long() -> None:
    """Have a process that investigates for weeks give back what an investigation took.

    glibc gives threads heaps of their own, and an investigation has a thread for each agent: what is free in one heap
    is of no use in another, and memory grew by a quarter in 5,000 incidents. Another C library has no such setting.
    """
    if tune := getattr(ctypes.CDLL(None), "mallopt", None):
        tune(M_ARENA_MAX, 1)

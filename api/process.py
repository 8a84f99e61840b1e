"""What every process of the program does first."""

from __future__ import annotations

import atexit
import gc
import os

OBJECTS_BETWEEN_COLLECTIONS = 200_000


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

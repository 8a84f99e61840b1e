"""Values are learnt before threads need them: msgspec crashes when several learn one at the same moment."""

from __future__ import annotations

import subprocess
import sys

import pytest

CLASSES = """
from __future__ import annotations
from typing import Generic, TypeVar
import msgspec
T = TypeVar("T")
class Inner(msgspec.Struct):
    name: str = ""
class Outer(msgspec.Struct):
    inner: Inner | None = None
    more: list[Inner] | None = None
class Page(msgspec.Struct, Generic[T]):
    items: list[T] = []
"""
THREADS = """
import sys, threading, types, msgspec
from sre_orchestrator.core.structs import decoder_of, learn_structs
sys.setswitchinterval(1e-6)
for number in range({rounds}):
    made = types.ModuleType(f"made{{number}}")
    sys.modules[made.__name__] = made
    exec({classes!r}, vars(made))
    together = threading.Barrier(8)
    def work():
        together.wait()
        {work}
    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
"""
WORK = {
    "late structs": 'learn_structs(); msgspec.convert({"inner": {"name": "a"}, "more": [{"name": "b"}]}, made.Outer)',
    "generic structs": 'decoder_of(made.Page[made.Inner]).decode(b\'{"items": [{"name": "a"}]}\')',
}


@pytest.mark.parametrize("work", WORK)
def test_threads_may_come_to_new_values_at_the_same_moment(work: str) -> None:
    script = THREADS.format(rounds=100, classes=CLASSES, work=WORK[work])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")

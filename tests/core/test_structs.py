"""Values are learnt before threads need them: msgspec crashes when several learn one at the same moment."""

from __future__ import annotations

import subprocess
import sys

DECODING = """
import sys, threading, msgspec
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.structs import learn_structs
learn_structs()
sys.setswitchinterval(1e-6)
together = threading.Barrier(4)
def decode():
    together.wait()
    try:
        msgspec.json.decode(b'{}', type=Report)
    except msgspec.ValidationError:
        pass
threads = [threading.Thread(target=decode) for _ in range(4)]
for one in threads:
    one.start()
for one in threads:
    one.join()
"""


def test_threads_decode_what_was_learnt() -> None:
    done = subprocess.run([sys.executable, "-c", DECODING], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")

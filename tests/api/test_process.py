"""What every process does first."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ENDING = """
import gc
from sre_orchestrator.api.process import prepare

class Ring:
    def __init__(self):
        self.me = self
    def __del__(self):
        print("was looked for")

{before}
kept = [Ring()]
gc.disable()
kept.clear()
"""


def ended(before: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", ENDING.format(before=before)], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_a_process_that_ends_does_not_look_for_cycles() -> None:
    assert ended("prepare()") == ""
    assert ended("") == "was looked for\n"


HEAPS = """
import ctypes, sys, threading
from sre_orchestrator.api.process import last_long

{before}
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.fopen.restype = ctypes.c_void_p, ctypes.c_void_p
barrier = threading.Barrier(4)
def work():
    libc.malloc(1000)
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
libc.malloc_info(0, ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w")))
libc.fflush(None)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has heaps of threads")
def test_the_threads_of_a_process_that_lasts_share_one_heap(tmp_path: Path) -> None:
    heaps = []
    for before in ("", "last_long()"):
        told = tmp_path / "heaps.xml"
        subprocess.run(
            [sys.executable, "-c", HEAPS.format(before=before), str(told)], check=True, timeout=60, env={"PATH": ""}
        )
        heaps.append(told.read_text(encoding="ascii").count("<heap nr="))

    assert heaps[0] > 1
    assert heaps[1] == 1

"""What every process does first."""

from __future__ import annotations

import subprocess
import sys

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

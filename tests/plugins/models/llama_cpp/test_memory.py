"""What a model will need is told from its file, and what does not fit is refused before it is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from gguf_files import CHAT, gguf
from local_models import smollm2

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.plugins.models.llama_cpp.header import Header, read_header
from sre_orchestrator.plugins.models.llama_cpp.machine import Memory
from sre_orchestrator.plugins.models.llama_cpp.memory import GIB, MIB, Need, check, need

PATH = Path("/models/model.gguf")


def header(tmp_path: Path, **values: object) -> Header:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf({**CHAT, **{name.replace("__", "."): value for name, value in values.items()}}))
    return read_header(path)


def test_what_a_prompt_leaves_behind_grows_with_layers_heads_and_tokens(tmp_path: Path) -> None:
    needed = need(header(tmp_path), 4096, 256)

    assert needed.context == 4096 * 30 * 3 * (64 + 64) * 2


def test_layers_may_differ(tmp_path: Path) -> None:
    needed = need(header(tmp_path, llama__attention__head_count_kv=[1, 0, 3]), 100, 256)

    assert needed.context == 100 * (1 + 0 + 3) * (64 + 64) * 2


def test_a_model_that_embeds_remembers_no_prompt(tmp_path: Path) -> None:
    assert need(header(tmp_path, llama__pooling_type=1), 512, 512).context == 0


def test_a_file_that_says_little_still_needs_its_size(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf({"general.architecture": "llama"}) + bytes(1000))

    assert need(read_header(path), 4096, 256).weights == path.stat().st_size


def test_the_estimate_of_a_real_model_is_near_what_was_measured() -> None:
    needed = need(read_header(smollm2()), 4096, 256)

    assert 200 * MIB < needed.all < 450 * MIB


@pytest.mark.parametrize("memory", [Memory(free=None), Memory(free=3 * GIB, bound="x")])
def test_a_model_that_fits_is_not_refused(memory: Memory) -> None:
    check(PATH, Need(weights=GIB, context=GIB, work=GIB), memory)


def test_a_model_that_does_not_fit_is_refused_with_figures_and_advice() -> None:
    memory = Memory(free=512 * MIB, bound="the container's memory limit")

    with pytest.raises(InputError) as refused:
        check(PATH, Need(weights=4 * GIB, context=GIB // 2, work=100 * MIB), memory)

    assert str(refused.value) == (
        "/models/model.gguf: needs about 4.6 GiB of memory (4.0 GiB for its weights, 512 MiB for its context, "
        "100 MiB to compute), and 512 MiB are free within the container's memory limit; take a smaller model or one "
        "of fewer bits (Q4), set model.context_tokens lower, or give more memory"
    )

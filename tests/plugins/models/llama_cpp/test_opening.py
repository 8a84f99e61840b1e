"""What cannot be used is refused when it is opened: where, what, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from gguf_files import CHAT, gguf
from local_models import smollm2

from sre_orchestrator.api.wiring import BUILTIN
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.plugins import load_plugins
from sre_orchestrator.core.settings import ModelSettings, Settings
from sre_orchestrator.plugins.models.llama_cpp import LlamaCpp, engine
from sre_orchestrator.plugins.models.llama_cpp.opening import open_chat

SMALL = ModelSettings(threads=1, context_tokens=256)


def file(tmp_path: Path, values: Mapping[str, object]) -> str:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf(values))
    return str(path)


def test_the_program_knows_this_kind(tmp_path: Path) -> None:
    settings = Settings(state_dir=str(tmp_path))
    plugins = load_plugins([one for one in BUILTIN if one.endswith("models.llama_cpp")], settings)

    kinds = [plugins.collect(hook, settings=settings) for hook in ("register_models", "register_embedders")]

    assert [[type(one) for one in found] for found in kinds] == [[LlamaCpp], [LlamaCpp]]
    assert plugins.gaps() == ()


def test_a_model_that_does_not_fit_is_refused_unloaded(tmp_path: Path) -> None:
    path = file(tmp_path, CHAT)
    group = tmp_path / "root/sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("1000000")
    (group / "memory.current").write_text("0")

    with pytest.raises(InputError, match=r"needs about .* 1 MiB are free within the container's memory limit"):
        open_chat(path, SMALL, None, tmp_path / "root")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({**CHAT, "llama.pooling_type": 1}, "only embeds texts"),
        ({name: value for name, value in CHAT.items() if "template" not in name}, "holds no chat template"),
        ({"general.architecture": "llama"}, "holds no language model"),
        ({"general.name": "x"}, "holds no language model"),
    ],
)
def test_a_file_that_cannot_answer_is_refused(tmp_path: Path, values: Mapping[str, object], why: str) -> None:
    with pytest.raises(InputError, match=f"model.gguf: {why}"):
        LlamaCpp().open(file(tmp_path, values), SMALL)


@pytest.mark.parametrize("values", [CHAT, {**CHAT, "llama.pooling_type": 4}])
def test_a_file_that_does_not_embed_is_refused(tmp_path: Path, values: Mapping[str, object]) -> None:
    with pytest.raises(InputError, match="was not made to embed texts"):
        LlamaCpp().open_embedder(file(tmp_path, values), SMALL)


def test_no_file_is_refused() -> None:
    with pytest.raises(InputError, match="names no file"):
        LlamaCpp().open("", SMALL)


def test_a_file_that_llama_cpp_cannot_load_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(smollm2().read_bytes()[:60_000_000])

    with pytest.raises(InputError, match=r"half\.gguf: llama\.cpp cannot load it: .*corrupted or incomplete"):
        LlamaCpp().open(str(path), SMALL)


def test_a_broken_chat_template_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(
        smollm2().read_bytes().replace(b"{% for message in messages %}", b"{% for message in messages  }", 1)
    )

    with pytest.raises(InputError, match=r"model\.gguf: its chat template cannot be used"):
        LlamaCpp().open(str(path), SMALL)


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_library", engine._library.__wrapped__)
    monkeypatch.setitem(sys.modules, "llama_cpp", None)

    with pytest.raises(InputError, match=r"pip install \"sre-orchestrator\[local\]\""):
        LlamaCpp().open(file(tmp_path, CHAT), SMALL)


def test_digests_are_kept(tmp_path: Path) -> None:
    model = LlamaCpp(tmp_path).open(str(smollm2()), SMALL)
    model.close()

    assert [one.suffix for one in tmp_path.iterdir()] == [".msgpack"]

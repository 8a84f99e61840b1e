"""What a GGUF file says is read before anything is loaded; what cannot be read is refused by name."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

import pytest
from gguf_files import CHAT, gguf
from hypothesis import given
from hypothesis import strategies as st
from local_models import smollm2

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.plugins.models.llama_cpp.header import read_header


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "model.gguf"


def test_a_header_says_what_the_model_is(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf({**CHAT, "llama.rope.freq": 0.5}) + b"weights")

    header = read_header(path)

    assert header.architecture == "llama"
    assert header.number("block_count") == 30
    assert header.number("absent", 7) == 7
    assert header.words == 3
    assert header.template == "{{ messages[0].content }}"
    assert header.file_bytes == path.stat().st_size
    assert not header.embeds


def test_values_may_differ_by_layer(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf({**CHAT, "llama.attention.head_count_kv": [4, 8, 4]}))

    header = read_header(path)

    assert header.each("attention.head_count_kv", 3) == (4, 8, 4)
    assert header.each("attention.head_count", 3) == (9, 9, 9)


def test_long_lists_and_lists_of_lists_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf({"long": [1] * 5000, "nested": [[1, 2], [3]], "general.architecture": "llama"}))

    header = read_header(path)

    assert header.lengths == {"long": 5000, "nested": 2}
    assert header.lists == {}
    assert header.architecture == "llama"


@pytest.mark.parametrize("values", [{"bert.pooling_type": 1}, {"bert.attention.causal": False}])
def test_a_model_that_embeds_is_known(tmp_path: Path, values: dict[str, object]) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf({"general.architecture": "bert", **values}))

    assert read_header(path).embeds


def test_a_real_file_is_read() -> None:
    header = read_header(smollm2())

    assert (header.architecture, header.words, header.number("block_count")) == ("llama", 49152, 30)
    assert "<|im_start|>" in header.template


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no GGUF file"),
        (b"PK\x03\x04 a zip", "is no GGUF file"),
        (b"GGUF", "is cut off or damaged"),
        (gguf(CHAT)[:-1], "is cut off or damaged"),
        (gguf(CHAT, version=1), "is GGUF version 1"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(16), "is GGUF version 50331648"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60), "is cut off or damaged"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 63), "is cut off or damaged"),
        (gguf({"x": 1}).replace(struct.pack("<I", 4), struct.pack("<I", 77)), "is cut off or damaged"),
        (gguf({"x": [1]}).replace(struct.pack("<IQ", 4, 1), struct.pack("<IQ", 77, 1)), "is cut off or damaged"),
        (gguf({"x": [1]}).replace(struct.pack("<IQ", 4, 1), struct.pack("<IQ", 4, 1 << 62)), "is cut off or damaged"),
        (gguf({"x": ["ab"]}).replace(struct.pack("<Q", 2), struct.pack("<Q", 1 << 62)), "is cut off or damaged"),
        (gguf({"x": "a"}).replace(b"a", b"\xff"), "no UTF-8"),
    ],
)
def test_what_is_no_whole_gguf_file_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)

    with pytest.raises(InputError, match=f"model.gguf: .*{why}"):
        read_header(path)


@given(st.integers(0, len(gguf(CHAT)) - 1), st.binary(max_size=12))
def test_a_damaged_file_is_read_or_refused(scratch: Path, at: int, noise: bytes) -> None:
    whole = gguf(CHAT)
    scratch.write_bytes(whole[:at] + noise + whole[at + len(noise) :])

    with contextlib.suppress(InputError):
        read_header(scratch)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_header(tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.gguf: cannot be read: No such file"):
        read_header(tmp_path / "nowhere.gguf")


def test_a_device_is_no_model() -> None:
    with pytest.raises(InputError, match="is no GGUF file"):
        read_header(Path(os.devnull))


def test_a_model_in_several_files_is_taken_together(tmp_path: Path) -> None:
    first, second = (tmp_path / f"m-0000{number}-of-00002.gguf" for number in (1, 2))
    first.write_bytes(gguf(CHAT))
    second.write_bytes(bytes(1000))

    header = read_header(first)

    assert header.files == (str(first), str(second))
    assert header.file_bytes == len(gguf(CHAT)) + 1000


def test_a_model_in_several_files_is_named_by_its_first(tmp_path: Path) -> None:
    path = tmp_path / "m-00002-of-00002.gguf"
    path.write_bytes(gguf(CHAT))

    with pytest.raises(InputError, match="name the first"):
        read_header(path)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m-00001-of-00002.gguf"
    path.write_bytes(gguf(CHAT))

    with pytest.raises(InputError, match=r"m-00002-of-00002\.gguf is not beside it"):
        read_header(path)

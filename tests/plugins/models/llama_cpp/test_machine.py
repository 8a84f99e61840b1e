"""What is free is what the narrowest limit leaves: the machine's, or the container's (cgroups of both versions)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sre_orchestrator.plugins.models.llama_cpp.machine import Memory, free_memory, processors

MEMINFO = "MemTotal: 8000000 kB\nMemFree: 100 kB\nMemAvailable:    4000000 kB\n"
MACHINE = Memory(free=4_096_000_000, bound="the machine's memory")
CONTAINER = "the container's memory limit"


def root(tmp_path: Path, files: Mapping[str, str]) -> Path:
    for name, content in {"proc/meminfo": MEMINFO, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, MACHINE),
        ({"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "5\n"}, MACHINE),
        (
            {"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "300\n"},
            Memory(free=700, bound=CONTAINER),
        ),
        (
            {
                "sys/fs/cgroup/memory.max": "1000",
                "sys/fs/cgroup/memory.current": "900",
                "sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 250\n",
            },
            Memory(free=350, bound=CONTAINER),
        ),
        (
            {"sys/fs/cgroup/memory.max": "1000", "sys/fs/cgroup/memory.current": "1500"},
            Memory(free=0, bound=CONTAINER),
        ),
        (
            {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "500",
                "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 100\n",
            },
            Memory(free=1600, bound=CONTAINER),
        ),
        (
            {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "500",
            },
            MACHINE,
        ),
        (
            {
                "proc/self/cgroup": "0::/user.slice/mine\n",
                "sys/fs/cgroup/user.slice/mine/memory.max": "700",
                "sys/fs/cgroup/user.slice/mine/memory.current": "100",
            },
            Memory(free=600, bound=CONTAINER),
        ),
        ({"proc/self/cgroup": "0::/../elsewhere\n"}, MACHINE),
        ({"proc/self/cgroup": "4:memory:/old\n"}, MACHINE),
    ],
)
def test_the_narrowest_limit_counts(tmp_path: Path, files: Mapping[str, str], expected: Memory) -> None:
    assert free_memory(root(tmp_path, files)) == expected


def test_where_nobody_says_nothing_is_known(tmp_path: Path) -> None:
    assert free_memory(tmp_path) == Memory(free=None)


def test_this_machine_says(tmp_path: Path) -> None:
    del tmp_path

    assert (free_memory().free or 0) > 0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 4),
        ({"sys/fs/cgroup/cpu.max": "max 100000\n"}, 4),
        ({"sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2),
        ({"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ({"sys/fs/cgroup/cpu.max": "900000 100000\n"}, 4),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, 3),
    ],
)
def test_a_container_may_use_what_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str], expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)

    assert processors(root(tmp_path, files)) == expected

"""What this machine, or the container on it, has left for a model: memory and processors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sre_orchestrator.core.models import Struct

ROOT = Path("/")
UNLIMITED = 1 << 60  # cgroups version 1 writes a number near 2**63 where there is no limit


class Memory(Struct, frozen=True, kw_only=True):
    """How many bytes are free, and what bounds them; ``None`` where nobody says."""

    free: int | None
    bound: str = ""


def free_memory(root: Path = ROOT) -> Memory:
    """Return what is free below every limit that holds here; what can be dropped (page cache) counts as free."""
    found = [Memory(free=max(free, 0), bound=bound) for bound, free in (*_machine(root), *_container(root))]
    return min(found, key=lambda one: one.free or 0, default=Memory(free=None))


def processors(root: Path = ROOT) -> int:
    """Return how many processors may be used: those of this process, or what its container is allowed."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, period = [*_text(root / "sys/fs/cgroup/cpu.max").split(), "max", "max"][:2]
    if quota == "max":
        quota = _text(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us").strip()
        period = _text(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us").strip()
    if quota.isdecimal() and period.isdecimal() and int(period):
        usable = min(usable, int(quota) // int(period))
    return max(usable, 1)


def _machine(root: Path) -> Iterator[tuple[str, int]]:
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            yield "the machine's memory", int(rest.split()[0]) * 1024


def _container(root: Path) -> Iterator[tuple[str, int]]:
    """Read cgroups, version 2 and 1; in a container, its own are at the root."""
    for folder, limit, used, reclaimable in (
        (_own(root), "memory.max", "memory.current", "inactive_file"),
        (root / "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most, now = _text(folder / limit).strip(), _text(folder / used).strip()
        if most.isdecimal() and now.isdecimal() and int(most) < UNLIMITED:
            dropped = dict(line.split()[:2] for line in _text(folder / "memory.stat").splitlines() if " " in line)
            yield "the container's memory limit", int(most) - int(now) + int(dropped.get(reclaimable, 0))


def _own(root: Path) -> Path:
    """Return the folder of this process's group (version 2), or the root where that is not shown."""
    top = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            own = top / line.removeprefix("0::").strip("/ \n")
            return own if (own / "memory.max").is_file() and ".." not in own.parts else top
    return top


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

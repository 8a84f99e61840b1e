"""The state of a pod in the words of ``kubectl get pods`` (printPod in kubernetes/pkg/printers)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sre_orchestrator.api.wire.ages import human, moment
from sre_orchestrator.api.wire.resources import Json
from sre_orchestrator.core.models import Struct

LOST = "NodeLost"


class PodState(Struct, frozen=True, kw_only=True):
    """Ready containers of all, one word, restarts and when the last one was."""

    ready: str
    status: str
    restarts: int
    last_restart: datetime | None
    gates: str

    def restarts_at(self, now: datetime) -> str:
        """Return the restarts with the age of the last one."""
        if not self.restarts or self.last_restart is None:
            return str(self.restarts)
        return f"{self.restarts} ({human((now - self.last_restart).total_seconds())} ago)"


def pod_state(pod: Json) -> PodState:
    """Return the state of a pod."""
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    sidecars = {one["name"] for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"}
    begun = list(status.get("initContainerStatuses") or [])
    beside = [one for one in begun if one["name"] in sidecars]
    running = list(status.get("containerStatuses") or [])
    counted = [*beside, *running]
    word = _initialising(spec, begun, sidecars)
    if word is None:
        word = _containers(running, str(status.get("reason") or status.get("phase") or "Unknown"))
    else:
        counted = begun
    if pod["metadata"].get("deletionTimestamp"):
        word = "Unknown" if status.get("reason") == LOST else "Terminating"
    ready = sum(bool(one.get("ready")) for one in [*beside, *running])
    times = [moment(_terminated(one, "lastState").get("finishedAt")) for one in counted]
    return PodState(
        ready=f"{ready}/{len(spec.get('containers') or []) + len(sidecars)}",
        status=word,
        restarts=sum(int(one.get("restartCount") or 0) for one in counted),
        last_restart=max((at for at in times if at), default=None),
        gates=_gates(spec, status),
    )


def _initialising(spec: Json, begun: Sequence[Json], sidecars: set[str]) -> str | None:
    """Return the word of the first init container that is not done, ``None`` when all are."""
    for number, one in enumerate(begun):
        ended, waits = _terminated(one, "state"), _waiting(one)
        if "terminated" in (one.get("state") or {}):
            if ended.get("exitCode") == 0:
                continue
            return f"Init:{_ended(ended)}"
        if one["name"] in sidecars and one.get("started"):
            continue
        if waits not in ("", "PodInitializing"):
            return f"Init:{waits}"
        return f"Init:{number}/{len(spec.get('initContainers') or [])}"
    return None


def _containers(running: Sequence[Json], word: str) -> str:
    some_run = False
    for one in reversed(running):
        ended, state = _terminated(one, "state"), one.get("state") or {}
        if _waiting(one):
            word = _waiting(one)
        elif "terminated" in state:
            word = _ended(ended)
        elif one.get("ready") and "running" in state:
            some_run = True
    if word == "Completed" and some_run:
        return "Running" if all(one.get("ready") for one in running) else "NotReady"
    return word


def _ended(ended: Json) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode')}"


def _waiting(status: Json) -> str:
    return str(((status.get("state") or {}).get("waiting") or {}).get("reason") or "")


def _terminated(status: Json, which: str) -> Json:
    found: Json = (status.get(which) or {}).get("terminated") or {}
    return found


def _gates(spec: Json, status: Json) -> str:
    gates = spec.get("readinessGates") or []
    held = {one["type"] for one in status.get("conditions") or [] if one.get("status") == "True"}
    open_gates = sum(one["conditionType"] in held for one in gates)
    return f"{open_gates}/{len(gates)}" if gates else "<none>"

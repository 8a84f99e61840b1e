"""What a server says of itself: health, version, OpenAPI, discovery."""

from __future__ import annotations

from collections.abc import Sequence

from sre_orchestrator.api.wire import discovery
from sre_orchestrator.api.wire.resources import Json, Resource
from sre_orchestrator.api.wire.store import Store

OK = b"ok"
_HEALTH = ("healthz", "livez", "readyz")
_PATHS = ("api", "apis", *_HEALTH, "openapi/v2", "openapi/v3", "version")
_OPENAPI = {"swagger": "2.0", "info": {"title": "snapshot", "version": "0"}, "paths": {}, "definitions": {}}


def described(steps: Sequence[str], accept: str, store: Store) -> Json | bytes | None:
    """Return the answer to a path that is about the server, ``None`` for any other."""
    if steps and steps[0] in ("api", "apis"):
        return _discovered(steps, accept, store.resources())
    if steps and steps[0] in _HEALTH:
        return OK
    fixed: dict[str, Json] = {
        "": {"paths": [f"/{path}" for path in _PATHS]},
        "version": _version(store.server_version),
        "openapi/v2": _OPENAPI,
        "openapi/v3": {"paths": {}},
    }
    return fixed.get("/".join(steps))


def _discovered(steps: Sequence[str], accept: str, resources: Sequence[Resource]) -> Json | None:
    core, rest = steps[0] == "api", steps[1:]
    if not rest and "as=APIGroupDiscoveryList" in accept:
        return discovery.aggregated(resources, "v2" if "v=v2;" in accept else "v2beta1", core=core)
    if not rest:
        return discovery.core_versions() if core else discovery.group_list(resources)
    group, rest = ("", rest) if core else (rest[0], rest[1:])
    served = discovery.versions(resources).get(group, ())
    if not rest and served:
        return discovery.group(group, served)
    if len(rest) == 1 and rest[0] in served:
        return discovery.resource_list(resources, group, rest[0])
    return None


def _version(git_version: str) -> Json:
    major, minor = (*git_version.lstrip("v").split("."), "", "")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": git_version,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }

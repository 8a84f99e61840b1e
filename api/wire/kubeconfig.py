"""Writes a kubeconfig for a server that needs no credentials."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sre_orchestrator.core.errors import InputError

NAME = "snapshot"


def write_kubeconfig(path: Path, url: str, *, namespace: str = "default", context: str = NAME) -> Path:
    """Write a kubeconfig whose only context is ``context``; JSON is YAML. Return ``path``.

    Raises:
        InputError: the file cannot be written.

    """
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": url}}],
        "users": [{"name": context, "user": {}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context, "namespace": namespace}}],
        "current-context": context,
    }
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; give another file") from error
    return path

"""What a recording leaves out: values of Secrets, payloads of Helm releases, and whatever looks like a secret in text."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sre_orchestrator.core.redact import MASK, without_secrets
from sre_orchestrator.plugins.objects.config import PUBLIC, certificates_of

Json = dict[str, Any]
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
RELEASE = "helm.sh/release.v1"
EDITED = ("ConfigMap", "Secret")
_WRITER = ("manager", "operation", "subresource", "time")
_VERSION = ("name", "served", "storage", "deprecated", "additionalPrinterColumns")
_PEM = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|\Z)", re.DOTALL)
_KEYED = re.compile(
    r"^(?P<indent>\s*)(?:- )?[\"']?(?P<key>[\w.-]+)[\"']?\s*[:=]\s*(?P<block>[|>][-+\d]*)?\s*(?P<rest>.*)$"
)
_FLAG = re.compile(r"--?[\w.-]+")
_BARE = re.compile(r"(?<=: )\*\*\*(?=\s*(?:[,}\]#]|$))")


def redacted(item: Json, kind: str) -> Json:
    """Return an object as it may be kept.

    Of a Secret the names of its keys stay, of what people edit who wrote it and when, of everything else what is no secret: environment, arguments,
    annotations and texts are read as ``core.redact`` reads what becomes a fact, and what a key says is a
    secret is masked whole.
    """
    kept = {key: value for key, value in item.items() if key not in ("data", "stringData", "binaryData", "metadata")}
    result: Json = {key: _clean(value, key) for key, value in kept.items()}
    result["metadata"] = _metadata(item.get("metadata"))
    if kind in EDITED and (writers := _writers(item.get("metadata"))):
        result["metadata"]["managedFields"] = writers
    data = {part: item[part] for part in ("data", "stringData", "binaryData") if isinstance(item.get(part), dict)}
    labels = result["metadata"].get("labels")
    release = isinstance(labels, dict) and labels.get("owner") == "helm"
    for part, values in data.items():
        hidden = kind == "Secret" or part == "binaryData" or release
        result[part] = {key: _kept(key, value) if hidden else _setting(key, value) for key, value in values.items()}
    return result


def _kept(key: str, value: object) -> str:
    """Return what stays of a hidden value: the certificates, which are public, where they usually are."""
    public = certificates_of(value) if key in PUBLIC and isinstance(value, str) else ""
    return b64encode(public.encode()).decode() if public else MASK


def pruned(item: Json, kind: str) -> Json:
    """Return an object without what is large and says nothing of an incident: the schemas of definitions."""
    spec = item.get("spec")
    if kind != "CustomResourceDefinition" or not isinstance(spec, dict):
        return item
    listed = spec["versions"] if isinstance(spec.get("versions"), list) else []
    versions = [{key: one[key] for key in _VERSION if key in one} for one in listed if isinstance(one, dict)]
    return item | {"spec": {key: value for key, value in spec.items() if key != "versions"} | {"versions": versions}}


def redacted_text(text: str, *, yaml: bool = False) -> str:
    """Return text without secrets, line by line; in ``yaml`` what is masked stays a scalar.

    >>> redacted_text("password: hunter2", yaml=True)
    "password: '***'"
    """
    if not yaml and "\n" not in text:
        return without_secrets(text)
    lines = _PEM.sub(rf"\1{MASK}", text).splitlines(keepends=True)
    return "".join(_lines(lines, yaml))


def _lines(lines: list[str], yaml: bool) -> Iterator[str]:
    """Yield the lines; a block of text below a key that says it is a secret is masked line by line."""
    below: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if below is not None and (indent > below or not line.strip()):
            yield line[:indent] + MASK + line[len(line.rstrip()) :] if line.strip() else line
            continue
        keyed = _KEYED.match(line) if yaml else None
        below = len(keyed["indent"]) if keyed and keyed["block"] and _says_secret(keyed["key"]) else None
        masked = without_secrets(line)
        yield _BARE.sub(f"'{MASK}'", masked) if yaml and masked != line else masked


def _metadata(metadata: object) -> Json:
    if not isinstance(metadata, dict):
        return {}
    kept = {key: value for key, value in metadata.items() if key != "managedFields"}
    if isinstance(notes := kept.get("annotations"), dict):
        kept["annotations"] = {key: _note(key, value) for key, value in notes.items() if key != APPLIED}
    return kept


def _writers(metadata: object) -> list[Json]:
    """Return who wrote an object and when, without the names of the fields."""
    told = metadata.get("managedFields") if isinstance(metadata, dict) else None
    entries = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    found = [{key: one[key] for key in _WRITER if isinstance(one.get(key), str)} for one in entries]
    return [one for one in found if "time" in one]


def _note(key: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    names_one = key.lower().endswith("secret")  # the annotation of an ingress that names one
    return MASK if _says_secret(key) and not names_one else redacted_text(value)


def _setting(key: str, value: object) -> object:
    """Return the value of a ConfigMap's key: one secret, or a file of settings."""
    if _says_secret(key):
        return MASK
    return redacted_text(value, yaml=True) if isinstance(value, str) else value


def _clean(node: object, key: str) -> object:
    if isinstance(node, str):
        hidden = _says_secret(key) and not key.lower().endswith("secret")
        return MASK if hidden and node else redacted_text(node)
    if isinstance(node, list):
        return list(_cleaned_list(node))
    if not isinstance(node, dict):
        return node
    cleaned = {name: _clean(value, name) for name, value in node.items()}
    name, value = node.get("name"), node.get("value")
    if isinstance(name, str) and isinstance(value, str) and value and _says_secret(name):
        cleaned["value"] = MASK
    return cleaned


def _cleaned_list(items: list[object]) -> Iterator[object]:
    """Yield the items; an argument after ``--password`` is one."""
    before = ""
    for item in items:
        yield MASK if isinstance(item, str) and _FLAG.fullmatch(before) and _says_secret(before) else _clean(item, "")
        before = item if isinstance(item, str) else ""


@lru_cache(maxsize=4096)
def _says_secret(key: str) -> bool:
    """Return whether text such as ``KEY=value`` would be masked."""
    return without_secrets(f"{key}=abcdefgh") != f"{key}=abcdefgh"

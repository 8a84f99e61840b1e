"""Public runbooks, and the alerts that they are for: what a search for an alert should find."""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import yaml
from extras import absent

from sre_orchestrator.core.knowledge import Document, Found
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.knowledge.formats import read_document

SHARED = Path(os.environ.get("SHARED", Path(__file__).parents[3] / "shared"))
TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
Search = Callable[[str, int], Sequence[Found]]


class Question(Struct, frozen=True, kw_only=True):
    """An alert that has a runbook, and what it says of itself without its name and templates."""

    alert: str
    description: str


def unpacked(folder: Path) -> Path:
    """Unpack the runbooks below ``folder`` and return where they are."""
    archive = SHARED / "data" / "runbooks.tar.xz"
    if not archive.exists():
        absent(f"{archive} is absent")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "runbooks"


def documents(folder: Path) -> list[Document]:
    """Return the runbooks, read."""
    paths = sorted(folder.rglob("*.md"))
    return [read_document(path.read_bytes(), str(path.relative_to(folder))).document for path in paths]


def names(folder: Path) -> list[str]:
    """Return the alerts that have a runbook which is called as they are."""
    return sorted({path.stem for path in folder.rglob("*.md") if re.fullmatch(r"(?=.*[a-z])\w*[A-Z]\w*", path.stem)})


def questions(folder: Path) -> list[Question]:
    """Return the alerts of public rules that have a runbook and say something of themselves."""
    known = {name.lower() for name in names(folder)}
    return [one for one in _alerts(folder) if one.alert.lower() in known and one.description]


def is_of(found: Found, alert: str) -> bool:
    """Say whether a passage is of the runbook of ``alert``, in whichever collection."""
    return Path(found.address.partition(".md")[0]).name.lower() == alert.lower()


def first(search: Search, alerts: Sequence[str]) -> float:
    """Return how often the runbook of an alert is the first that its name finds."""
    return sum(any(is_of(one, alert) for one in search(alert, 1)) for alert in alerts) / len(alerts)


def within(search: Search, asked: Sequence[Question], most: int = 3) -> float:
    """Return how often the runbook is among the first that the description finds."""
    return sum(any(is_of(found, one.alert) for found in search(one.description, most)) for one in asked) / len(asked)


def _alerts(folder: Path) -> Iterator[Question]:
    for path in sorted(folder.glob("kube-prometheus/*Rule.yaml")):
        for group in yaml.safe_load(path.read_text())["spec"]["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    said = TEMPLATE.sub(" ", rule.get("annotations", {}).get("description", ""))
                    plain = re.sub(re.escape(rule["alert"]), " ", said, flags=re.IGNORECASE)
                    yield Question(alert=rule["alert"], description=" ".join(plain.split()))

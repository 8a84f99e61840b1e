"""Compares a claim with volumes, field by field, as the volume controller does when it looks for a match.

Source: kubernetes.io/docs/concepts/storage/persistent-volumes (Binding, Reserving, Class, Access Modes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.quantity import amount
from sre_orchestrator.plugins.objects.storage import PersistentVolume, PersistentVolumeClaim

NEAREST = 3
ALIKE = 0.8
_HELD = ("bound-elsewhere", "released", "failed")


class Difference(Struct, frozen=True, kw_only=True):
    """One field in which a volume is not what a claim wants."""

    field: str
    wanted: str
    found: str


def differences(claim: PersistentVolumeClaim, volume: PersistentVolume, wanted_class: str) -> tuple[Difference, ...]:
    """Return every difference that keeps ``claim`` from binding to ``volume``; none: they fit."""
    return tuple(_differences(claim, volume, wanted_class))


def nearest(
    claim: PersistentVolumeClaim, volumes: Iterable[PersistentVolume], wanted_class: str
) -> list[tuple[PersistentVolume, tuple[Difference, ...]]]:
    """Return the volumes nearest to ``claim`` with their differences: all that are equally near, a few at most.

    Fewest differences first; among those a free volume before one that was released, and that
    before one that another claim holds, which is where it belongs. Of equally near ones, one that
    is named like the claim was made for it.
    """
    compared = [(volume, differences(claim, volume, wanted_class)) for volume in volumes]
    least = min((_distance(found) for _, found in compared), default=(0, 0))
    near = [one for one in compared if _distance(one[1]) == least]
    namesakes = [one for one in near if _named_alike(claim.metadata.name, one[0].metadata.name)]
    return sorted(namesakes or near, key=lambda one: one[0].metadata.name)[:NEAREST]


def _named_alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other).ratio() >= ALIKE


def _distance(found: tuple[Difference, ...]) -> tuple[int, int]:
    fields = {one.field for one in found}
    held = 2 if "bound-elsewhere" in fields else int(bool(fields & set(_HELD)))
    return len(found), held


def _differences(claim: PersistentVolumeClaim, volume: PersistentVolume, wanted_class: str) -> Iterator[Difference]:
    spec, offered = claim.spec, volume.spec
    if wanted_class != offered.storage_class_name:
        yield Difference(
            field="storage-class", wanted=wanted_class or "none", found=offered.storage_class_name or "none"
        )
    lacking = [mode for mode in spec.access_modes if mode not in offered.access_modes]
    if lacking:
        yield Difference(field="access-mode", wanted=" ".join(spec.access_modes), found=" ".join(offered.access_modes))
    if amount(spec.resources.requests, "storage") > amount(offered.capacity, "storage"):
        yield Difference(
            field="capacity",
            wanted=str(spec.resources.requests["storage"]),
            found=str(offered.capacity.get("storage", 0)),
        )
    if spec.volume_mode != offered.volume_mode:
        yield Difference(field="volume-mode", wanted=spec.volume_mode, found=offered.volume_mode)
    if spec.selector and not spec.selector.matches(volume.metadata.labels):
        yield Difference(field="selector", wanted=selector_in_words(claim), found=_labels(volume, claim))
    yield from _held(claim, volume)


def _held(claim: PersistentVolumeClaim, volume: PersistentVolume) -> Iterator[Difference]:
    """Yield why a volume is not free for ``claim``."""
    holder = volume.spec.claim_ref
    mine = holder and (holder.namespace, holder.name) == (claim.metadata.namespace, claim.metadata.name)
    me = f"{claim.metadata.namespace}/{claim.metadata.name}"
    if volume.status.phase == "Released":
        yield Difference(field="released", wanted=me, found=f"{holder.namespace}/{holder.name}" if holder else "")
    elif volume.status.phase == "Failed":
        yield Difference(field="failed", wanted=me, found=volume.status.message or volume.status.reason or "Failed")
    elif holder and holder.name and not mine:
        yield Difference(field="bound-elsewhere", wanted=me, found=f"{holder.namespace}/{holder.name}")


def selector_in_words(claim: PersistentVolumeClaim) -> str:
    """Return a claim's selector as text."""
    selector = claim.spec.selector
    if selector is None:
        return ""
    parts = [f"{key}={value}" for key, value in sorted(selector.match_labels.items())]
    return ", ".join([*parts, *map(str, selector.match_expressions)])


def _labels(volume: PersistentVolume, claim: PersistentVolumeClaim) -> str:
    """Return the labels of a volume, those that the claim's selector names when it has some of them."""
    selector = claim.spec.selector
    keys = {*selector.match_labels, *(one.key for one in selector.match_expressions)} if selector else set()
    labels = volume.metadata.labels
    shown = {key: labels[key] for key in keys if key in labels} or labels
    return ", ".join(f"{key}={value}" for key, value in sorted(shown.items())) or "no labels"

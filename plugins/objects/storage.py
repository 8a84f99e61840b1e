"""Claims, volumes and classes."""

from __future__ import annotations

from sre_orchestrator.plugins.objects.meta import Object, Part
from sre_orchestrator.plugins.objects.pods import IntOrString, Resources
from sre_orchestrator.plugins.objects.selectors import LabelSelector, NodeSelector


class ClaimSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a PersistentVolumeClaim."""

    access_modes: tuple[str, ...] = ()
    storage_class_name: str | None = None
    volume_name: str = ""
    volume_mode: str = "Filesystem"
    selector: LabelSelector | None = None
    resources: Resources = Resources()


class ClaimStatus(Part, frozen=True, kw_only=True):
    """``status`` of a PersistentVolumeClaim."""

    phase: str = ""


class PersistentVolumeClaim(Object, frozen=True, kw_only=True):
    """A PersistentVolumeClaim."""

    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class ClaimOf(Part, frozen=True, kw_only=True):
    """The claim that a volume is bound to."""

    namespace: str = ""
    name: str = ""


class VolumeNodeAffinity(Part, frozen=True, kw_only=True):
    """Where a volume can be used."""

    required: NodeSelector | None = None


class VolumeSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a PersistentVolume."""

    capacity: dict[str, IntOrString | float] = {}
    access_modes: tuple[str, ...] = ()
    storage_class_name: str = ""
    volume_mode: str = "Filesystem"
    claim_ref: ClaimOf | None = None
    node_affinity: VolumeNodeAffinity | None = None
    persistent_volume_reclaim_policy: str = ""


class VolumeStatus(Part, frozen=True, kw_only=True):
    """``status`` of a PersistentVolume."""

    phase: str = ""
    reason: str = ""
    message: str = ""


class PersistentVolume(Object, frozen=True, kw_only=True):
    """A PersistentVolume."""

    spec: VolumeSpec = VolumeSpec()
    status: VolumeStatus = VolumeStatus()


class StorageClass(Object, frozen=True, kw_only=True):
    """A StorageClass."""

    provisioner: str = ""
    volume_binding_mode: str = "Immediate"

"""Sorts what the volume controller and provisioners say about a claim."""

from __future__ import annotations

import re

_FAILURES = tuple(
    (failure, re.compile(pattern, re.IGNORECASE))
    for failure, pattern in (
        ("class-not-found", r'storageclass(?:es)?\S* "[^"]*" not found'),
        ("bound-elsewhere", r"already bound to a different claim|bound to another claim|is already bound"),
        ("mismatch", r"cannot bind to requested volume|requested PV is too small|incompatible (?:access|volume) ?mode"),
        ("lost", r"lost its persistentvolume|bound to non-existent"),
        ("waiting-for-consumer", r"waiting for (?:first consumer|pod \S+ to be scheduled)"),
        ("waiting-for-provisioner", r"waiting for a volume to be created"),
        ("no-volume", r"no persistent volumes available|no volume plugin matched"),
        (
            "provisioning",
            r"failed to (?:provision|create|get)|provision\w* failed|rpc error|error (?:creating|getting)",
        ),
    )
)
_BY_REASON = {
    "ProvisioningFailed": "provisioning",
    "VolumeMismatch": "mismatch",
    "ClaimLost": "lost",
    "ClaimMisbound": "bound-elsewhere",
    "WaitForFirstConsumer": "waiting-for-consumer",
    "WaitForPodScheduled": "waiting-for-consumer",
    "ExternalProvisioning": "waiting-for-provisioner",
    "FailedBinding": "no-volume",
}
_PROGRESS = frozenset({"Provisioning", "ProvisioningSucceeded", "ExternalExpanding", "Resizing"})


def claim_failure(reason: str, message: str) -> str:
    """Return the class of an event about a claim, ``""`` for one that tells of progress.

    >>> claim_failure("ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')
    'class-not-found'
    """
    if reason in _PROGRESS:
        return ""
    found = next((failure for failure, pattern in _FAILURES if pattern.search(message)), "")
    return found or _BY_REASON.get(reason, "other")

"""What controllers and provisioners say about claims."""

from __future__ import annotations

import pytest

from sre_orchestrator.plugins.agents.storage.messages import claim_failure


@pytest.mark.parametrize(
    ("reason", "message", "failure"),
    [
        ("ProvisioningFailed", 'storageclass.storage.k8s.io "gold" not found', "class-not-found"),
        ("ProvisioningFailed", 'StorageClass.storage.k8s.io "gold" not found', "class-not-found"),
        ("FailedBinding", "no persistent volumes available for this claim and no storage class is set", "no-volume"),
        ("FailedBinding", 'volume "pv-1" already bound to a different claim.', "bound-elsewhere"),
        ("VolumeMismatch", 'Cannot bind to requested volume "pv-1": requested PV is too small', "mismatch"),
        ("ProvisioningFailed", 'failed to provision volume with StorageClass "gold": rpc error: code = Internal', "provisioning"),
        ("ProvisioningFailed", "something that this version words in its own way", "provisioning"),
        ("ExternalProvisioning", "Waiting for a volume to be created either by the external provisioner 'disk.example' or manually by the system administrator.", "waiting-for-provisioner"),
        ("ExternalProvisioning", 'waiting for a volume to be created, either by external provisioner "disk.example" or manually created by system administrator', "waiting-for-provisioner"),
        ("WaitForFirstConsumer", "waiting for first consumer to be created before binding", "waiting-for-consumer"),
        ("WaitForPodScheduled", "waiting for pod cart-0 to be scheduled", "waiting-for-consumer"),
        ("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!", "lost"),
        ("Provisioning", 'External provisioner is provisioning volume for claim "shop/data"', ""),
        ("ProvisioningSucceeded", "Successfully provisioned volume pv-1", ""),
        ("Unheard", "of", "other"),
    ],
)  # fmt: skip
def test_each_message_has_its_class(reason: str, message: str, failure: str) -> None:
    assert claim_failure(reason, message) == failure

"""Configuration, accounts, quotas and namespaces. Of a Secret only names of keys and certificates are ever kept."""

from __future__ import annotations

import re
from base64 import b64decode

import msgspec

from sre_orchestrator.plugins.objects.meta import Object, Part, WrittenMeta
from sre_orchestrator.plugins.objects.pods import IntOrString, LocalRef

Amounts = dict[str, IntOrString | float]
ABSENT = msgspec.Raw(b"null")
PUBLIC = ("tls.crt", "ca.crt")
_BEGINS = b'"LS0t'  # base64 of what PEM begins with
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class ConfigMap(Object, frozen=True, kw_only=True):
    """A ConfigMap."""

    metadata: WrittenMeta = WrittenMeta()
    data: dict[str, str] = {}
    binary_data: dict[str, msgspec.Raw] = {}

    def __post_init__(self) -> None:
        """Keep the names of the binary keys only."""
        msgspec.structs.force_setattr(self, "binary_data", dict.fromkeys(self.binary_data, ABSENT))


class Secret(Object, frozen=True, kw_only=True):
    """A Secret: ``keys`` reads the names; the values are dropped while it is decoded, unread.

    Certificates are public: those in ``tls.crt`` and ``ca.crt`` stay, as PEM; whatever else is in there is dropped.
    """

    metadata: WrittenMeta = WrittenMeta()
    type: str = ""
    certificates: dict[str, str] = {}
    data: dict[str, msgspec.Raw] = {}
    string_data: dict[str, msgspec.Raw] = {}

    def __post_init__(self) -> None:
        """Drop every value, also from the annotation in which kubectl keeps what was applied."""
        public = {key: text for key in PUBLIC if (text := _public(self.data.get(key)))}
        msgspec.structs.force_setattr(self, "certificates", public)
        msgspec.structs.force_setattr(self, "data", dict.fromkeys(self.data, ABSENT))
        msgspec.structs.force_setattr(self, "string_data", dict.fromkeys(self.string_data, ABSENT))
        if APPLIED in self.metadata.annotations:
            annotations = {key: value for key, value in self.metadata.annotations.items() if key != APPLIED}
            kept = msgspec.structs.replace(self.metadata, annotations=annotations)
            msgspec.structs.force_setattr(self, "metadata", kept)

    @property
    def keys(self) -> frozenset[str]:
        """Return the names of the keys."""
        return frozenset((*self.data, *self.string_data))


def _public(value: msgspec.Raw | None) -> str:
    """Return the certificates in the value of a key, ``""`` where there are none."""
    if value is None or not bytes(value).startswith(_BEGINS):
        return ""
    return certificates_of(msgspec.json.decode(value, type=str))


def certificates_of(value: str) -> str:
    """Return as PEM the certificates in a value as Secrets hold it; ``""`` where it was left out, or is something else."""
    try:
        text = b64decode(value, validate=True)
    except ValueError:
        return ""
    return "\n".join(found[0].decode() for found in _CERTIFICATE.finditer(text))


class ServiceAccount(Object, frozen=True, kw_only=True):
    """A ServiceAccount."""

    image_pull_secrets: tuple[LocalRef, ...] = ()
    automount_service_account_token: bool | None = None


class QuotaSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a ResourceQuota."""

    hard: Amounts = {}


class QuotaStatus(Part, frozen=True, kw_only=True):
    """``status`` of a ResourceQuota."""

    hard: Amounts = {}
    used: Amounts = {}


class ResourceQuota(Object, frozen=True, kw_only=True):
    """A ResourceQuota."""

    spec: QuotaSpec = QuotaSpec()
    status: QuotaStatus = QuotaStatus()


class LimitItem(Part, frozen=True, kw_only=True):
    """One entry of a LimitRange."""

    type: str = ""
    min: Amounts = {}
    max: Amounts = {}


class LimitRangeSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a LimitRange."""

    limits: tuple[LimitItem, ...] = ()


class LimitRange(Object, frozen=True, kw_only=True):
    """A LimitRange."""

    spec: LimitRangeSpec = LimitRangeSpec()


class NamespaceStatus(Part, frozen=True, kw_only=True):
    """``status`` of a Namespace."""

    phase: str = ""


class Namespace(Object, frozen=True, kw_only=True):
    """A Namespace."""

    status: NamespaceStatus = NamespaceStatus()

"""Reads a certificate that was served, trusted or not; the door to cryptography."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509

from sre_orchestrator.core.models import Struct

MOST_NAMES = 50


class Certificate(Struct, frozen=True, kw_only=True):
    """Dates, names (of hosts and addresses) and issuer of a certificate."""

    starts_at: datetime
    expires_at: datetime
    names: tuple[str, ...]
    issuer: str


def read_certificate(der: bytes) -> Certificate | None:
    """Return what a certificate says, ``None`` when it cannot be read."""
    try:
        read = x509.load_der_x509_certificate(der)
        return Certificate(
            starts_at=read.not_valid_before_utc,
            expires_at=read.not_valid_after_utc,
            names=_names(read),
            issuer=read.issuer.rfc4514_string(),
        )
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None


def _names(read: x509.Certificate) -> tuple[str, ...]:
    """Return the alternative names; the subject's common name counts for no client of today."""
    try:
        found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = found.get_values_for_type(x509.DNSName)
    return (*hosts, *map(str, found.get_values_for_type(x509.IPAddress)))[:MOST_NAMES]

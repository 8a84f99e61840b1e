"""Reads certificates that were served or are kept, trusted or not; the door to cryptography."""

from __future__ import annotations

import re
from collections.abc import Callable

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from sre_orchestrator.plugins.sources.trust import Certificate

MOST_NAMES, MOST_CERTIFICATES = 50, 20
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
# of certificates of strangers: what cryptography refuses while it looks at a part
_REFUSED = (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


def read_certificate(der: bytes) -> Certificate | None:
    """Return what a certificate says, ``None`` when it cannot be read."""
    return _read(lambda: x509.load_der_x509_certificate(der))


def certificates_in(text: bytes) -> tuple[Certificate, ...]:
    """Return the first certificates of a PEM text that can be read; what else is in it, such as a key, is not looked at."""
    blocks = [found[0] for found in _PEM.finditer(text)][:MOST_CERTIFICATES]
    read = (_read(lambda block=block: x509.load_pem_x509_certificate(block)) for block in blocks)  # type: ignore[misc]  # the default binds the block
    return tuple(one for one in read if one)


def _read(load: Callable[[], x509.Certificate]) -> Certificate | None:
    try:
        read = load()
        return Certificate(
            starts_at=read.not_valid_before_utc,
            expires_at=read.not_valid_after_utc,
            names=_names(read),
            issuer=read.issuer.rfc4514_string(),
            subject=read.subject.rfc4514_string(),
            authority=_signs(read),
            fetched=_fetched(read),
        )
    except _REFUSED:
        return None


def _names(read: x509.Certificate) -> tuple[str, ...]:
    """Return the alternative names; the subject's common name counts for no client of today."""
    try:
        found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = found.get_values_for_type(x509.DNSName)
    return (*hosts, *map(str, found.get_values_for_type(x509.IPAddress)))[:MOST_NAMES]


def _signs(read: x509.Certificate) -> bool:
    try:
        return read.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _fetched(read: x509.Certificate) -> bool:
    try:
        access = read.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return False
    return any(one.access_method == AuthorityInformationAccessOID.CA_ISSUERS for one in access)

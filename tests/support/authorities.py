"""Certificate authorities for tests: a root, what it signs, and chains as servers send them.

::

    root = Authority("root")
    middle = root.sign("middle", authority=True)
    pem = middle.sign("cart", ["cart.shop.svc"]).write(tmp_path)          # without its intermediate
    pem = middle.sign("cart", ["cart.shop.svc"]).write(tmp_path, middle)  # with it
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

YESTERDAY, NEXT_MONTH = timedelta(days=-1), timedelta(days=30)


class Authority:
    """A certificate with its key, self-signed unless ``signer`` signs it; ``begins`` and ``ends`` count from ``now``."""

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        names: Iterable[str] = (),
        *,
        signer: Authority | None = None,
        authority: bool = True,
        begins: timedelta = YESTERDAY,
        ends: timedelta = NEXT_MONTH,
        fetched: bool = False,
        constrained: bool = True,
        now: datetime | None = None,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = now or datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(signer.subject if signer else self.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
        )
        if constrained:
            builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if general := [_general(one) for one in names]:
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
        if fetched:
            where = x509.UniformResourceIdentifier("http://authority.example/ca.crt")
            access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        self.pem = builder.sign(signer.key if signer else self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM
        )

    def sign(self, name: str, names: Iterable[str] = (), *, authority: bool = False, **more: object) -> Authority:
        """Return a certificate that this one signs."""
        return Authority(name, names, signer=self, authority=authority, **more)  # type: ignore[arg-type]

    @property
    def private(self) -> bytes:
        """Return the private key as PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def write(self, folder: Path, *others: Authority, name: str = "server.pem") -> Path:
        """Write key, certificate and those of ``others`` as a server loads them."""
        path = folder / name
        path.write_bytes(self.private + self.pem + b"".join(one.pem for one in others))
        return path

    def trusted(self, folder: Path, name: str = "ca.pem") -> Path:
        """Write the certificate as clients load what they trust."""
        path = folder / name
        path.write_bytes(self.pem)
        return path


def _general(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)

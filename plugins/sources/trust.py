"""What was met where certificates and keys are served: values that sources return and agents read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sre_orchestrator.core.models import Gap, Struct

Outcome = Literal["ok", "unresolved", "refused", "unreachable", "timeout", "closed", "no-tls", "handshake"]
Chain = Literal["", "trusted", "incomplete", "self-signed", "unknown"]


class Certificate(Struct, frozen=True, kw_only=True):
    """Dates, names (of hosts and addresses), subject and issuer of a certificate.

    ``authority`` says whether it may sign others, ``fetched`` whether it tells where its issuer's is fetched from, as
    those of public authorities do.
    """

    starts_at: datetime
    expires_at: datetime
    names: tuple[str, ...]
    issuer: str
    subject: str = ""
    authority: bool = False
    fetched: bool = False

    @property
    def self_signed(self) -> bool:
        """Say whether it is its own issuer."""
        return self.subject == self.issuer


class Handshake(Struct, frozen=True, kw_only=True):
    """How far it got, the certificates that were served (the server's own first), and where their chain ends.

    ``chain`` is ``incomplete`` where the server leaves out intermediates of a public authority, ``unknown`` where it
    ends at an authority that is not known here. Dates and names are not judged.
    """

    outcome: Outcome
    certificates: tuple[Certificate, ...] = ()
    chain: Chain = ""
    detail: str = ""


class ServedCheck(Struct, frozen=True, kw_only=True):
    """How a TLS handshake with ``host`` went, at ``at``."""

    host: str
    port: int
    at: datetime
    handshake: Handshake


IssuerOutcome = Literal[Outcome, "certificate", "status", "no-json", "other-issuer", "no-keys"]


class IssuerCheck(Struct, frozen=True, kw_only=True):
    """How far an issuer of tokens answered at ``at``: with its configuration (``discovery``), with its ``keys``."""

    url: str
    host: str
    at: datetime
    step: Literal["discovery", "keys"]
    outcome: IssuerOutcome
    status: int = 0
    keys: int = 0
    detail: str = ""


class Trust(Struct, frozen=True, kw_only=True):
    """What the issuers and addresses that settings name answered, and what could not be asked."""

    issuers: tuple[IssuerCheck, ...] = ()
    served: tuple[ServedCheck, ...] = ()
    gaps: tuple[Gap, ...] = ()

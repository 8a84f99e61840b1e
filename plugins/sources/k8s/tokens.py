"""Whose a token is, asked of the API server itself (``core.ports.TokenReview``)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import msgspec

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.ports import Account
from sre_orchestrator.core.settings import ClusterAccess
from sre_orchestrator.plugins.sources.k8s.access import Access, find_access
from sre_orchestrator.plugins.sources.k8s.connection import FORBIDDEN, ApiError, Connection

VERSION = "authentication.k8s.io/v1"
PATH = f"/apis/{VERSION}/tokenreviews"
ROLE_LINE = '- {apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"]}'


class _User(msgspec.Struct):
    username: str = ""
    groups: tuple[str, ...] = ()


class _Status(msgspec.Struct):
    authenticated: bool = False
    user: _User = msgspec.field(default_factory=_User)
    audiences: tuple[str, ...] = ()


class _Review(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


class ClusterTokens:
    """The tokens of the cluster of ``access``, which is found when it is first asked."""

    def __init__(self, access: ClusterAccess, environment: Mapping[str, str] = os.environ) -> None:
        self._access = access
        self._environment = environment
        self._connection: Connection | None = None

    def review(self, token: str, audiences: Sequence[str]) -> Account | None:
        """Return whose token it is; a server that says nothing of audiences was not asked for ours.

        Raises:
            InputError: no cluster is configured.
            SourceMissing: the API server does not answer, or does not let us ask.

        """
        spec = {"token": token, "audiences": list(audiences)}
        body = msgspec.json.encode({"apiVersion": VERSION, "kind": "TokenReview", "spec": spec})
        try:
            status = msgspec.json.decode(self._opened().review(PATH, body), type=_Review).status
        except ApiError as error:
            remedy = f"add to the ClusterRole: {ROLE_LINE}" if error.status == FORBIDDEN else "see the API server"
            raise SourceMissing(f"tokens cannot be reviewed: {str(error).replace(token, '…')}; {remedy}") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise SourceMissing("tokens cannot be reviewed: the API server answers with no TokenReview") from None
        if not status.authenticated or not status.user.username or set(audiences).isdisjoint(status.audiences):
            return None
        return Account(name=status.user.username, groups=status.user.groups)

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self._found(), self._found, self._access.timeout_seconds)
        return self._connection

    def _found(self) -> Access:
        return find_access(self._access, self._environment)

"""Finds how a cluster is reached: a kubeconfig with its contexts and credential plugins, or the account of the pod."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

import msgspec
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_kube_config
from kubernetes.config.incluster_config import InClusterConfigLoader

from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.settings import ClusterAccess
from sre_orchestrator.plugins.objects.addresses import is_loopback

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT = "~/.kube/config"
CONNECTIONS = 64  # a watch of each kind, and lists and logs beside them
# the loader of the kubernetes package raises these for files that are YAML but no kubeconfig
_MALFORMED = (ConfigException, KeyError, TypeError, AttributeError, ValueError, OSError)


@dataclass(frozen=True, kw_only=True)
class Access:
    """A configured client; ``place`` says where its configuration is from, ``namespace`` is the context's or ``""``."""

    configuration: Configuration
    place: str
    context: str = ""
    namespace: str = ""


class _Target(msgspec.Struct):
    namespace: str = ""
    user: str = ""


class _Context(msgspec.Struct):
    name: str = ""
    context: _Target = msgspec.field(default_factory=_Target)


class _Command(msgspec.Struct):
    command: str = ""


class _Credentials(msgspec.Struct):
    exec: _Command | None = None


class _User(msgspec.Struct):
    name: str = ""
    user: _Credentials | None = None


class _Kubeconfig(msgspec.Struct):
    current_context: str | None = msgspec.field(name="current-context", default=None)
    contexts: list[_Context] | None = None
    users: list[_User] | None = None


def find_access(settings: ClusterAccess, environment: Mapping[str, str]) -> Access:
    """Return how the cluster is reached; a credential plugin of the kubeconfig is run.

    Raises:
        InputError: nothing is configured, or what is cannot be used.

    """
    named = settings.kubeconfig or environment.get("KUBECONFIG") or DEFAULT
    paths = [Path(one).expanduser() for one in named.split(os.pathsep) if one]
    files = [path for path in paths if path.is_file()]
    if files:
        return _from_files(files, settings.context)
    if settings.kubeconfig:
        raise InputError(f"{settings.kubeconfig}: does not exist; give a kubeconfig")
    if environment.get("KUBERNETES_SERVICE_HOST"):
        return _from_account(environment)
    raise InputError(
        f"no cluster is configured: {named} does not exist and this is no pod;"
        " give --kubeconfig FILE (and --context NAME), or --snapshot PATH for a recorded incident"
    )


def _from_files(files: Sequence[Path], wanted: str) -> Access:
    read = [_read(path) for path in files]
    contexts = {one.name: one for part in reversed(read) for one in part.contexts or ()}
    name = wanted or next((part.current_context for part in read if part.current_context), "")
    place = os.pathsep.join(map(str, files))
    if name not in contexts:
        what = f"there is no context {name!r}" if name else "no context is current"
        raise InputError(f"{place}: {what}; give --context, one of: {', '.join(sorted(contexts)) or '(it has none)'}")
    target = contexts[name].context
    configuration = Configuration()
    with _heard() as said:
        try:
            load_kube_config(  # type: ignore[no-untyped-call]  # the package has no annotations there
                place, context=name, client_configuration=configuration, persist_config=False
            )
        except _MALFORMED as error:
            raise InputError(f"{place}: context {name!r} cannot be used: {error}; correct the kubeconfig") from error
    users = {one.name: one.user for part in reversed(read) for one in part.users or ()}
    _require_credentials(configuration, users.get(target.user), f"{place}: context {name!r}", said)
    return Access(
        configuration=_tuned(configuration),
        place=f"context {name!r} of {place}",
        context=name,
        namespace=target.namespace,
    )


def _read(path: Path) -> _Kubeconfig:
    try:
        return read_yaml(path.read_bytes(), _Kubeconfig)
    except (OSError, DocumentError) as error:
        raise InputError(f"{path}: cannot be read: {error}; give a kubeconfig") from error


def _require_credentials(
    configuration: Configuration, user: _Credentials | None, place: str, said: Sequence[str]
) -> None:
    """Raise where a credential plugin gave nothing: the kubernetes package only logs that, and goes on as nobody."""
    if user and user.exec and not configuration.api_key and not configuration.cert_file:
        why = without_secrets("; ".join(said)) or "it gave no token"
        raise InputError(f"{place}: the credential plugin {user.exec.command!r} failed: {why}; log in again")


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Yield what is logged meanwhile."""
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]  # one line for a class
    logging.getLogger().addHandler(listener)
    try:
        yield said
    finally:
        logging.getLogger().removeHandler(listener)


def _from_account(environment: Mapping[str, str]) -> Access:
    configuration = Configuration()
    loader = InClusterConfigLoader(  # type: ignore[no-untyped-call]  # the package has no annotations there
        token_filename=str(ACCOUNT / "token"), cert_filename=str(ACCOUNT / "ca.crt"), environ=environment
    )
    try:
        loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
    except _MALFORMED as error:
        raise InputError(
            f"{ACCOUNT}: the account of this pod cannot be used: {error};"
            " set automountServiceAccountToken, or give --kubeconfig"
        ) from error
    return Access(configuration=_tuned(configuration), place="the account of this pod")


def _tuned(configuration: Configuration) -> Configuration:
    """Keep connections for all threads, and do not ask a proxy of the environment for this machine."""
    configuration.connection_pool_maxsize = CONNECTIONS
    if is_loopback(urlsplit(configuration.host).hostname or "") and configuration.proxy in getproxies().values():
        configuration.proxy = None
    return configuration

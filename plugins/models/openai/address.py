"""Where a server is: what may be an address, what stays on this machine, and what Azure wants otherwise."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, parse_qsl, urlsplit

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Struct

OPENAI = "https://api.openai.com/v1"
CHAT = "/chat/completions"
DEPLOYMENT = "/openai/deployments/"
# names that only a cluster, or a network of one's own, gives an address
INSIDE = (".svc", ".cluster.local", ".local", ".internal", ".lan", ".localhost")
HOSTS_OF_MODELS = (".api.openai.com", ".openai.azure.com", ".services.ai.azure.com")


class Address(Struct, frozen=True, kw_only=True):
    """Where requests go: to ``url`` and what of the API is behind it.

    ``azure`` is one deployment of Azure's, with a header of its own for the key; ``hosted`` is OpenAI's or Azure's
    service itself; ``local`` is this machine; ``encrypted`` is TLS.
    """

    url: str
    query: dict[str, str] = {}
    azure: bool = False
    hosted: bool = False
    local: bool = False
    encrypted: bool = False


def read_address(base_url: str) -> Address:
    """Return what an address means; without one it is OpenAI's, and one without a path is at ``/v1``.

    Without TLS only this machine, private addresses and names of a cluster are reached.

    Raises:
        InputError: it is none, holds a password, or would send what is asked over the internet for all to read.

    """
    try:
        place = urlsplit(base_url.strip() or OPENAI)
        host = place.hostname or ""
        port = place.port
    except ValueError as error:
        raise InputError("model.base_url: is no address; write https://HOST/v1") from error
    _check(place, host)
    path = place.path.rstrip("/").removesuffix(CHAT)
    query = dict(parse_qsl(place.query))
    azure = DEPLOYMENT in path + "/"
    if azure and "api-version" not in query:
        raise InputError("model.base_url: names a deployment without a version; add ?api-version=… as Azure shows it")
    shown = f"[{host}]" if ":" in host else host
    return Address(
        url=f"{place.scheme}://{shown}{f':{port}' if port else ''}{path or '/v1'}",
        query=query,
        azure=azure,
        hosted=f".{host}".endswith(HOSTS_OF_MODELS),
        local=_loopback(host),
        encrypted=place.scheme == "https",
    )


def _check(place: SplitResult, host: str) -> None:
    if place.scheme not in {"http", "https"} or not host:
        raise InputError("model.base_url: is no address of a web service; write https://HOST/v1")
    if not host.isascii() or not (place.path + place.query).isprintable() or " " in place.geturl():
        raise InputError("model.base_url: holds characters that no address has; write it as a browser shows it")
    if "@" in place.netloc or place.fragment:
        raise InputError("model.base_url: holds a name, a password or a #; give a key in model.api_key_file")
    if place.scheme == "http" and not _inside(host):
        raise InputError(
            f"model.base_url: {host} would be asked without encryption; begin it with https://"
            " (http:// is for this machine, private addresses and services of a cluster)"
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _inside(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(INSIDE)
    return address.is_loopback or (address.is_private and not address.is_unspecified)

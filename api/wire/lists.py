"""Answers get and list: whole, as metadata, or as a table; lists in pages."""

from __future__ import annotations

from sre_orchestrator.api.wire.answers import (
    Refusal,
    bad_request,
    expired,
    head,
    listing,
    metadata_only,
    not_found,
    whole,
)
from sre_orchestrator.api.wire.requests import Form, Path, Query, Token, token_of
from sre_orchestrator.api.wire.resources import Json
from sre_orchestrator.api.wire.selectors import SelectorError, Test, both, fields_match, labels_match
from sre_orchestrator.api.wire.store import ExpiredError, Store, Stored
from sre_orchestrator.api.wire.tables import table

PARTIAL_LIST = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}


def answer_object(store: Store, place: Path, form: Form, query: Query) -> Json | bytes:
    """Return one object.

    Raises:
        Refusal: it does not exist.

    """
    found = store.get(place.resource, place.namespace, place.name)
    if found is None:
        raise not_found(place.resource, place.name)
    if form == "table":
        return table(place.resource, [found], {}, now=store.clock(), include=query.include_object)
    if form == "metadata":
        return metadata_only(found)
    return whole(head(place.resource, place.version), found)


def answer_list(store: Store, place: Path, form: Form, query: Query) -> Json | bytes:
    """Return one page of a list; all its pages have the resource version of the first.

    Raises:
        Refusal: an option makes no sense, or the page's version is too old.

    """
    token = token_of(query.start) if query.start else None
    version = token.version if token else store.version
    if token:
        try:
            store.changes(place.resource, token.version)
        except ExpiredError as error:
            raise expired(error) from error
    else:
        _refuse_future(store, query)
    items, more = _page(store, place, query, token)
    metadata: Json = {"resourceVersion": str(version)}
    if more:
        metadata["continue"] = Token(version=version, namespace=items[-1].key[0], name=items[-1].key[1]).text()
    if form == "table":
        return table(place.resource, items, metadata, now=store.clock(), include=query.include_object)
    if form == "metadata":
        return listing(PARTIAL_LIST, metadata, [metadata_only(item) for item in items])
    kind = {"kind": f"{place.resource.kind}List", "apiVersion": place.resource.api_version(place.version)}
    return listing(kind, metadata, [item.body for item in items])


def test_of(query: Query) -> Test | None:
    """Return the test of both selectors.

    Raises:
        Refusal: one cannot be read.

    """
    try:
        return both(labels_match(query.label_selector), fields_match(query.field_selector))
    except SelectorError as error:
        raise bad_request(str(error)) from error


def _page(store: Store, place: Path, query: Query, token: Token | None) -> tuple[list[Stored], bool]:
    """Return the items of a page, and whether more follow."""
    test = test_of(query)
    found: list[Stored] = []
    for item in store.items(place.resource, place.namespace, token.key if token else None):
        if test is not None and not test(item):
            continue
        if query.limit and len(found) == query.limit:
            return found, True
        found.append(item)
    return found, False


def _refuse_future(store: Store, query: Query) -> None:
    if query.resource_version.isdigit() and int(query.resource_version) > store.version:
        raise too_new(query.resource_version, store)


def too_new(asked: str, store: Store) -> Refusal:
    """Return the refusal of a version that is yet to come."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {asked}, current: {store.version}"
    return Refusal(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})

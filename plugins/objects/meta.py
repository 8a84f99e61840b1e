"""What every Kubernetes object has."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """A piece of a Kubernetes object: camelCase on the wire, unknown fields ignored."""


class Owner(Part, frozen=True, kw_only=True):
    """An entry of ``metadata.ownerReferences``."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class Meta(Part, frozen=True, kw_only=True):
    """``metadata``."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[Owner, ...] = ()
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None


class Object(Part, frozen=True, kw_only=True):
    """Base of listable objects; ``kind`` is empty in lists from the API, which have it once."""

    kind: str = ""
    metadata: Meta = Meta()


class Managed(Part, frozen=True, kw_only=True):
    """An entry of ``metadata.managedFields``: who wrote fields of the object last, and when."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: Time | None = None


class WrittenMeta(Meta, frozen=True, kw_only=True):
    """``metadata`` of what people edit, with who wrote it."""

    managed_fields: tuple[Managed, ...] = ()

    @property
    def written(self) -> Managed | None:
        """Return the latest write after the object was made that is told, other than of its status."""
        made = self.creation_timestamp
        later = [
            (one.time, one)
            for one in self.managed_fields
            if one.time and not one.subresource and (made is None or one.time > made)
        ]
        return max(later, key=lambda found: found[0])[1] if later else None

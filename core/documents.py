"""Reads YAML that others wrote: bounded, without repeated keys, and one error whatever is wrong; writes it for people."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import yaml

from sre_orchestrator.core.errors import InputError

T = TypeVar("T")
Where = tuple[object, ...]
MAX_NODES = 100_000
_MAP, _SEQ = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What PyYAML's constructors raise on values such as ``2030-13-01`` and ``!!timestamp x``.
_REFUSED = (yaml.YAMLError, ValueError, KeyError, AttributeError, TypeError, RecursionError)


class DocumentError(InputError):
    """A document cannot be used; ``line`` counts from 1, 0 where it is not known."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


def read_yaml(text: bytes, kind: type[T], *, max_nodes: int = MAX_NODES, unique_keys: bool = True) -> T:
    """Return the document as ``kind``; ``object`` takes anything.

    Raises:
        DocumentError: the text is no YAML, repeats a key, has more than ``max_nodes`` nodes once
            its aliases are expanded, or is no ``kind``. Without ``unique_keys`` the last of
            repeated keys counts, as in files that other programs read.

    """
    try:
        loader = _LOADER(text)
        node = loader.get_single_node()
        if node is not None:
            _Bounds(max_nodes, unique_keys).size(node)
        value = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise DocumentError(f"not YAML: {error.problem}", line) from error
    except _REFUSED as error:
        raise DocumentError(f"not YAML: {' '.join(str(error).split())}") from error
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise DocumentError(str(error)) from error


class Line(dict[str, object]):
    """A mapping that is written on one line."""


class LineList(list[object]):
    """A list that is written on one line."""


def yaml_of(value: object) -> str:
    """Return ``value`` as YAML, keys in their order, each text on one line."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE)


def line_of(text: bytes, where: Where) -> int:
    """Return the line (from 1) of the node at the path of keys ``where``, or of its nearest parent."""
    node = _LOADER(text).get_single_node()
    line: int = node.start_mark.line + 1 if node else 1
    for step in where:
        following = None
        if isinstance(node, yaml.MappingNode):
            for found, value in node.value:
                if found.value == str(step):
                    following, line = value, found.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            following = node.value[step]
            line = following.start_mark.line + 1
        if following is None:
            break
        node = following
    return line


class _Dumper(yaml.SafeDumper):
    """Knows what is written on one line, and writes what is there twice twice."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


_WIDE = 100_000
_Dumper.add_representer(Line, lambda dumper, value: dumper.represent_mapping(_MAP, value.items(), flow_style=True))
_Dumper.add_representer(LineList, lambda dumper, value: dumper.represent_sequence(_SEQ, value, flow_style=True))


class _Bounds:
    """Measures what a document expands to, each aliased part once (a billion laughs takes no time)."""

    def __init__(self, limit: int, unique_keys: bool) -> None:
        self._limit = limit
        self._unique_keys = unique_keys
        self._sizes: dict[int, int] = {}

    def size(self, node: yaml.Node) -> int:
        known = self._sizes.get(id(node))
        if known is not None:
            return known
        self._sizes[id(node)] = self._limit  # until it is known: a part that holds itself is too large
        size = 1 + sum(self.size(child) for child in self._children(node))
        if size > self._limit:
            what = f"more than {self._limit} nodes after expanding aliases; write it out"
            raise DocumentError(what, node.start_mark.line + 1)
        self._sizes[id(node)] = size
        return size

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if not isinstance(node, yaml.MappingNode):
            return []
        if self._unique_keys:
            _refuse_repeated(node)
        return [one for pair in node.value for one in pair]


def _refuse_repeated(node: yaml.MappingNode) -> None:
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in seen:
                raise DocumentError(f"the key {key.value!r} is there twice; remove one", key.start_mark.line + 1)
            seen.add((key.tag, key.value))

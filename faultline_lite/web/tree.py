"""JSON of a report as a tree to read: bounded in depth, in number and in length. Pure."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from faultline_lite.web.room import Room

#: Of one tree. What is left out is counted, and there in the raw JSON.
MAX_NODES = 300
MAX_DEPTH = 10
MAX_TEXT_CHARACTERS = 1000
MAX_KEY_CHARACTERS = 200
#: Below the depth a value is shown as JSON, of which this is enough to tell what it is.
MAX_JSON_CHARACTERS = 300

Kind = Literal["map", "list", "text", "number", "word"]


class Node(NamedTuple):
    """A value under its key, which is empty for the items of a list.

    ``left_out`` counts children that are not shown, or characters of the text.
    """

    key: str
    kind: Kind
    text: str
    children: tuple["Node", ...] = ()
    left_out: int = 0
    size: int = 0


class _Budget:
    """Nodes that may still be shown, and room for their texts."""

    def __init__(self, nodes: int, room: Room) -> None:
        self.nodes = nodes
        self.room = room


def build_tree(value: Any, room: Room, max_nodes: int = MAX_NODES) -> Node:
    """Return the tree of a decoded JSON value, as far as there is room and nodes are left."""
    return _build("", value, 0, _Budget(max_nodes, room))


def _build(key: str, value: Any, depth: int, budget: _Budget) -> Node:
    if isinstance(value, dict | list):
        if depth >= MAX_DEPTH and value:
            text = msgspec.json.encode(value).decode()
            return _build_text(key, text, MAX_JSON_CHARACTERS, budget)
        return _build_container(key, value, depth, budget)
    if isinstance(value, str):
        return _build_text(key, value, MAX_TEXT_CHARACTERS, budget)
    if value is None or isinstance(value, bool):
        return Node(key, "word", {None: "null", True: "true", False: "false"}[value])
    return Node(key, "number", msgspec.json.encode(value).decode())


def _build_text(key: str, text: str, most: int, budget: _Budget) -> Node:
    cut = budget.room.cut(text, most)
    return Node(key, "text", cut, left_out=len(text) - len(cut))


def _build_container(
    key: str, value: dict[str, Any] | list[Any], depth: int, budget: _Budget
) -> Node:
    children = []
    for name, part in _items(value):
        if budget.nodes <= 0 or budget.room.is_full:
            break
        budget.nodes -= 1
        shown_name = budget.room.cut(name, MAX_KEY_CHARACTERS)
        children.append(_build(shown_name, part, depth + 1, budget))
    kind: Kind = "map" if isinstance(value, dict) else "list"
    left_out = len(value) - len(children)
    return Node(key, kind, "", tuple(children), left_out, len(value))


def _items(value: dict[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    else:
        for part in value:
            yield "", part

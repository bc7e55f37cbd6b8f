from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.web.room import Room
from faultline_lite.web.tree import MAX_DEPTH, MAX_NODES, MAX_TEXT_CHARACTERS, Node, build_tree

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def _count(node: Node) -> int:
    return 1 + sum(map(_count, node.children))


def _depth(node: Node) -> int:
    return 1 + max(map(_depth, node.children), default=0)


@given(JSON)
def test_every_value_has_a_tree(value: Any) -> None:
    assert build_tree(value, Room(100_000)).key == ""


def test_map_keeps_the_order_and_kinds_of_its_values() -> None:
    tree = build_tree({"b": 1, "a": [None, True, "x"], "c": 1.5}, Room(100_000))

    assert [(node.key, node.kind, node.text) for node in tree.children] == [
        ("b", "number", "1"),
        ("a", "list", ""),
        ("c", "number", "1.5"),
    ]
    assert [node.text for node in tree.children[1].children] == ["null", "true", "x"]


def test_long_text_is_cut_and_says_by_how_much() -> None:
    node = build_tree("x" * (MAX_TEXT_CHARACTERS + 7), Room(100_000))

    assert (len(node.text), node.left_out) == (MAX_TEXT_CHARACTERS, 7)


def test_many_values_are_cut_and_counted() -> None:
    tree = build_tree({str(number): number for number in range(MAX_NODES + 5)}, Room(100_000))

    assert (len(tree.children), tree.left_out, tree.size) == (MAX_NODES, 5, MAX_NODES + 5)


def test_deep_value_is_shown_as_json_below_the_limit() -> None:
    value: Any = "bottom"
    for _ in range(90):
        value = {"a": value}

    tree = build_tree(value, Room(100_000))
    assert _depth(tree) == MAX_DEPTH + 1


def test_wide_and_deep_value_stays_bounded() -> None:
    value: Any = "x" * 10_000
    for _ in range(6):
        value = [value] * 10

    assert _count(build_tree(value, Room(100_000))) <= MAX_NODES + 1


def test_values_without_room_are_left_out_and_counted() -> None:
    tree = build_tree({"a": "x" * 10, "b": "y" * 10, "c": 1}, Room(15))

    assert [(node.key, node.text, node.left_out) for node in tree.children] == [
        ("a", "x" * 10, 0),
        ("b", "yyy", 7),
    ]
    assert tree.left_out == 1

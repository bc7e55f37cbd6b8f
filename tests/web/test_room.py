from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.web.room import Room

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(TEXT), st.integers(0, 100), st.integers(0, 30))
def test_no_more_is_shown_than_there_is_room_for(
    texts: list[str], size_bytes: int, most: int
) -> None:
    room = Room(size_bytes)
    shown = [room.cut(text, most) for text in texts]

    assert sum(len(text.encode()) for text in shown) <= size_bytes
    for text, whole in zip(shown, texts, strict=True):
        assert whole.startswith(text)
        assert text == whole[:most] or room.is_full


def test_part_uses_the_whole_and_never_more_than_is_left() -> None:
    whole = Room(10)
    part = whole.part(6)
    shown = part.cut("x" * 20, 20)

    assert (shown, part.is_full, whole.left_bytes) == ("x" * 6, True, 4)
    assert whole.part(100).left_bytes == 4


def test_half_of_a_surrogate_pair_has_room_for_a_question_mark() -> None:
    assert Room(3).cut("a\ud800b", 9) == "a\ud800b"
    assert Room(2).cut("a\ud800b", 9) == "a?"

"""What is remembered of an error's texts: enough to index most of them once, and bounded."""

from faultline_lite.search.novelty import MAX_HASHES, Memory, Seen


def test_value_is_new_once() -> None:
    seen = Seen()

    assert [seen.add("a"), seen.add("b"), seen.add("a")] == [True, True, False]


def test_remembered_document_knows_its_values_again() -> None:
    memory = Memory()
    seen = Seen()
    seen.add("a")
    memory.keep(1, seen)

    recalled = memory.recall(1)

    assert recalled is not None
    assert [recalled.add("a"), recalled.add("b")] == [False, True]
    assert memory.recall(2) is None


def test_values_that_came_up_last_are_remembered() -> None:
    seen = Seen()
    seen.add("often")
    for number in range(10 * MAX_HASHES):
        seen = Seen(seen.hashes())
        seen.add(number)
        assert not seen.add("often")

    assert len(seen.hashes()) == MAX_HASHES


def test_documents_that_came_up_last_are_remembered() -> None:
    memory = Memory(most=10)
    for document_id in (1, 2, 1, 3):
        memory.keep(document_id, Seen(range(5)))

    assert [memory.recall(each) is not None for each in (1, 2, 3)] == [True, False, True]


def test_document_that_is_kept_again_takes_no_more_room() -> None:
    memory = Memory(most=10)
    for document_id in (1, 2, 2, 2):
        memory.keep(document_id, Seen(range(5)))

    assert [memory.recall(each) is not None for each in (1, 2)] == [True, True]

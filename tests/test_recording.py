"""What is remembered between transactions never shows in what is counted."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from faultline_lite.models import Recorded
from faultline_lite.store.errors import delete_error, update_muted, update_status
from faultline_lite.store.recording import Recorder
from faultline_lite.store.retention import delete_occurrences
from faultline_lite.timekeys import MINUTE_MS, Timeunit
from tests.stores import CODEC, NOW_MS, make_occurrence, open_store

#: Around the beginning of an hour, of a minute and of a second, in any order.
TIMES = st.sampled_from(
    [0, 1, 999, 1000, MINUTE_MS, -1, -MINUTE_MS, 61 * MINUTE_MS, -90 * MINUTE_MS]
)
OCCURRENCES = st.tuples(st.sampled_from(["boom", "oops"]), st.sampled_from(["web", "api"]), TIMES)
REPORTS = st.lists(st.lists(OCCURRENCES, min_size=1, max_size=4), min_size=1, max_size=3)
#: Reports, what somebody else writes, or reports that are undone.
STEPS = st.lists(
    st.tuples(st.sampled_from(["report", "undo"]), REPORTS)
    | st.tuples(st.sampled_from(["resolve", "mute", "delete", "thin"]), st.integers(1, 4)),
    max_size=8,
)
TABLES = ("project", "error", "occurrence", "timeline", "error_rollup", "project_rollup")


class Store:
    """A store, and who writes reports into it; one that ``remembers`` or one that never does."""

    def __init__(self, timeunit: Timeunit, *, remembers: bool) -> None:
        self.connection = open_store()
        self._recorder = Recorder(CODEC, timeunit)
        self._remembers = remembers

    def take(self, step: str, argument: Any) -> list[list[Recorded]]:
        if step not in ("report", "undo"):
            self._change(step, argument)
            self._recorder.forget()
            return []
        if not self._remembers:
            self._recorder.forget()
        reports = [
            [
                make_occurrence(message, project=project, timestamp_ms=NOW_MS + offset_ms)
                for message, project, offset_ms in report
            ]
            for report in argument
        ]
        self.connection.execute("BEGIN")
        recorded = self._recorder.record(self.connection, reports, {})
        if step == "undo":
            self.connection.execute("ROLLBACK")
            self._recorder.forget()
        else:
            self.connection.execute("COMMIT")
        return recorded

    def read(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table: self.connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()  # noqa: S608
            for table in TABLES
        }

    def _change(self, step: str, number: int) -> None:
        connection = self.connection
        if step == "resolve":
            update_status(connection, number, "resolved", NOW_MS)
        elif step == "mute":
            update_muted(connection, number, muted=True, until_ms=None, until_count=1)
        elif step == "thin":
            ids = connection.execute("SELECT id FROM occurrence WHERE id % 5 >= ?", (number,))
            delete_occurrences(connection, [occurrence_id for (occurrence_id,) in ids.fetchall()])
        elif connection.execute("SELECT 1 FROM error WHERE id = ?", (number,)).fetchone():
            delete_error(connection, number)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sampled_from(["minute", "hour", "month"]))
def test_remembering_counts_as_reading_does(
    steps: list[tuple[str, Any]], timeunit: Timeunit
) -> None:
    quick, slow = Store(timeunit, remembers=True), Store(timeunit, remembers=False)
    for step in steps:
        assert quick.take(*step) == slow.take(*step)

    assert _without_keys(quick.read()) == _without_keys(slow.read())
    quick.connection.close()
    slow.connection.close()


def test_known_error_is_counted_without_reading() -> None:
    store = Store("minute", remembers=True)
    store.take("report", [[("boom", "web", 0)]])
    statements: list[str] = []
    store.connection.set_trace_callback(statements.append)

    store.take("report", [[("boom", "web", 0), ("boom", "web", 1000), ("boom", "web", MINUTE_MS)]])

    assert not [each for each in statements if "json_group_array" in each]
    store.connection.close()


def test_error_that_was_given_up_is_read_again() -> None:
    recorder = Recorder(CODEC, "minute", max_known=4)
    connection = open_store()
    messages = [f"boom {'abcdefghij'[number]}" for number in range(10)]

    counts = [
        recorder.record(connection, [[make_occurrence(message)]], {})[0][0].count
        for message in messages * 2
    ]

    assert counts == [1] * 10 + [2] * 10
    connection.close()


def _without_keys(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    # Deleted errors get a random one.
    errors = [tuple(each for each in row if not isinstance(each, bytes)) for row in tables["error"]]
    return {**tables, "error": errors}

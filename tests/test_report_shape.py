"""Reports that are none: what is wrong is named, with a path, and nothing is stored."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx
import pytest

from tests.refusals import assert_shape
from tests.reports import errors_path, make_entry, make_report

MAX_BODY_BYTES = 2**20
WRONG_TEXTS: list[Any] = [17, True, [], {}, 1.5]
WRONG_LISTS: list[Any] = ["x", 17, True, {}]
WRONG_MAPS: list[Any] = ["x", 17, True, [1]]


def wrong_values() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (path, value) for each field of a report with values of types that it does not take."""
    for name in ("context", "environment", "session", "params"):
        yield from product([(name,)], WRONG_MAPS)
        yield from product([("errors", "0", name)], WRONG_MAPS)
    yield from product([("notifier",)], WRONG_MAPS)
    yield from product([("errors",)], [None, "x", 17, True, {}])
    yield from product([("errors", "0")], [None, "x", 17, True, []])
    yield from product([("errors", "0", "message")], [None, *WRONG_TEXTS])
    for name in ("type", "timestamp"):
        yield from product([("errors", "0", name)], WRONG_TEXTS)
    for name in ("backtrace", "fingerprint", "causes"):
        yield from product([("errors", "0", name)], WRONG_LISTS)
    yield from product([("errors", "0", "fingerprint", "1")], [None, *WRONG_TEXTS])
    for trace in (("errors", "0", "backtrace"), ("errors", "0", "causes", "0", "backtrace")):
        yield from product([(*trace, "1")], [None, "x", 17, []])
        for name in ("file", "function"):
            yield from product([(*trace, "1", name)], WRONG_TEXTS)
        for name in ("line", "column"):
            yield from product([(*trace, "1", name)], ["15", True, [], {}])
        yield from product([(*trace, "1", "code")], ["x", 17, True])
    yield from product([("errors", "0", "causes", "0")], [None, "x", 17, []])
    for name in ("type", "message"):
        yield from product([("errors", "0", "causes", "0", name)], WRONG_TEXTS)


def full_report() -> dict[str, Any]:
    causes = [{"type": "E", "message": "m", "backtrace": two_frames()}]
    fields = {"backtrace": two_frames(), "causes": causes, "fingerprint": ["a", "b"]}
    return make_report(errors=[make_entry("wrong", **fields)])


def two_frames() -> list[dict[str, Any]]:
    return [{"file": "a", "line": 1}, {"file": "b", "line": 2}]


def put(report: Any, path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        report = report[int(step)] if isinstance(report, list) else report[step]
    last = path[-1]
    report[int(last) if isinstance(report, list) else last] = value


@pytest.mark.parametrize(("path", "value"), list(wrong_values()), ids=str)
def test_wrong_type_is_refused_with_its_path(
    standing_client: httpx.Client, project: str, path: tuple[str, ...], value: Any
) -> None:
    report = full_report()
    put(report, path, value)
    answer = standing_client.post(errors_path(project), json=report)

    assert answer.status_code == 400
    assert [problem["path"] for problem in answer.json()["errors"]] == [list(path)]
    assert_shape(answer)


def test_everything_that_is_wrong_is_named_at_once(
    standing_client: httpx.Client, project: str
) -> None:
    entries = [{"message": 1}, {"type": "E"}, {"message": "good", "backtrace": [{"line": "x"}]}]
    report = {"errors": entries, "context": "x"}
    answer = standing_client.post(errors_path(project), json=report)
    paths = [problem.get("path") for problem in answer.json()["errors"]]

    assert paths == [
        ["errors", "0", "message"],
        ["errors", "1"],
        ["errors", "2", "backtrace", "0", "line"],
        ["context"],
    ]


@pytest.mark.parametrize(
    ("timestamp", "message"),
    [
        ("yesterday", "not an RFC 3339 time such as 2016-12-07T00:00:00+09:00"),
        ("2016-12-07", "not an RFC 3339 time such as 2016-12-07T00:00:00+09:00"),
        ("2016-12-07T00:00:00", "not an RFC 3339 time such as 2016-12-07T00:00:00+09:00"),
        ("2016-13-07T00:00:00Z", "no such day or time of day"),
        ("2016-02-30T00:00:00Z", "no such day or time of day"),
        ("0000-01-01T00:00:00Z", "no such day or time of day"),
        ("0001-01-01T00:00:00+09:00", "no such day or time of day"),
    ],
)
def test_timestamp_that_is_none_is_named(
    standing_client: httpx.Client, project: str, timestamp: str, message: str
) -> None:
    report = make_report(errors=[make_entry(), make_entry(timestamp=timestamp)])
    answer = standing_client.post(errors_path(project), json=report)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"message": message, "path": ["errors", "1", "timestamp"], "detail": timestamp}
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{}", "`errors`"),
        (b"null", "Expected `object`"),
        (b"[]", "Expected `object`"),
        (b'"text"', "Expected `object`"),
        (b'{"errors": []}', "errors holds no entry"),
        (b'{"errors": [{"message": "a"}]} trailing', "not JSON"),
        (b'{"errors": [{"message": "a"},]}', "not JSON"),
        (b'{"errors": [{"message": NaN}]}', "not JSON"),
        (b"{'errors': []}", "not JSON"),
        (b'{"errors": [{"message": "a\x01"}]}', "not JSON"),
        (b'{"errors": [{"message": "\xff"}]}', "not UTF-8: byte 25"),
        (b'{"errors": [{"message": "\xed\xa0\x80"}]}', "not UTF-8: byte 25"),
        (b'\xef\xbb\xbf{"errors": [{"message": "a"}]}', "not JSON"),
        ('{"errors": [{"message": "a"}]}'.encode("utf-16"), "not UTF-8"),
        (b'{"errors": [{"message": "\\u12"}]}', "not JSON"),
    ],
)
def test_body_that_is_no_report_is_refused(
    standing_client: httpx.Client, project: str, body: bytes, said: str
) -> None:
    answer = standing_client.post(errors_path(project), content=body)

    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert_shape(answer)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("where", ["context", "odd", "notifications", "entry"])
def test_nesting_is_bounded_wherever_it_is(
    standing_client: httpx.Client, project: str, opening: str, where: str
) -> None:
    closing = "]" if opening == "[" else "}"

    def nested(depth: int) -> bytes:
        value = opening * depth + "1" + closing * depth
        if where == "entry":
            return f'{{"errors": [{{"message": "deep", "odd": {value}}}]}}'.encode()
        value = f'{{"a": {value}}}'
        return f'{{"errors": [{{"message": "deep"}}], "{where}": {value}}}'.encode()

    answers = {
        depth: standing_client.post(errors_path(project), content=nested(depth))
        for depth in (97, 101, 100_000)
    }

    assert answers[97].status_code == 201
    for depth in (101, 100_000):
        assert answers[depth].status_code == 400
        assert answers[depth].json()["message"] == "nested deeper than 100 levels"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MAX_BODY_BYTES,
        b'{"a":' * (MAX_BODY_BYTES // 5),
        b'{"errors": ' + b"[{" * 100_000,
        b'"' * MAX_BODY_BYTES,
        b"\\" * MAX_BODY_BYTES,
        b'{"errors": [{"message": "' + b"\\ud800" * 150_000 + b'"}]',
        b"1" * MAX_BODY_BYTES,
        b"-" * MAX_BODY_BYTES,
        b" " * MAX_BODY_BYTES,
    ],
    ids=lambda body: body[:12].decode(),
)
def test_a_megabyte_of_nonsense_is_refused(
    standing_client: httpx.Client, project: str, body: bytes
) -> None:
    answer = standing_client.post(errors_path(project), content=body)

    assert answer.status_code == 400
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("1" * 1_000_000, "Integer value out of range"),
        ("-" + "9" * 1_000_000, "Integer value out of range"),
        ("1e400", "Number out of range"),
    ],
    ids=["million digits", "negative", "exponent"],
)
@pytest.mark.parametrize(
    ("template", "path"),
    [
        ('{"errors": [{"message": "a"}], "context": {"b": [1, %s]}}', ["context", "b", "1"]),
        ('{"errors": [{"message": "a"}], "odd": %s}', ["odd"]),
        (
            '{"errors": [{"message": "a"}, {"message": "a", "odd": {"n": %s}}]}',
            ["errors", "1", "odd", "n"],
        ),
        ('{"errors": %s}', ["errors"]),
    ],
    ids=["map", "unknown field", "unknown field of an entry", "errors"],
)
def test_number_beyond_all_bounds_is_refused_with_its_path(
    standing_client: httpx.Client,
    project: str,
    number: str,
    said: str,
    template: str,
    path: list[str],
) -> None:
    answer = standing_client.post(errors_path(project), content=(template % number).encode())

    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"message": said, "path": path}]
    assert_shape(answer)


def test_number_beyond_all_bounds_in_a_config_loses_no_report(
    standing_client: httpx.Client, project: str
) -> None:
    body = b'{"errors": [{"message": "a"}], "notifications": [{"type": "slack", "n": 1e400}]}'
    answer = standing_client.post(errors_path(project), content=body)

    assert (answer.status_code, len(answer.json()["warnings"])) == (201, 1)


def test_fraction_of_a_million_digits_is_kept(standing_client: httpx.Client, project: str) -> None:
    number = "0." + "3" * 1_000_000
    body = f'{{"errors": [{{"message": "long"}}], "context": {{"n": {number}}}}}'
    answer = standing_client.post(errors_path(project), content=body.encode())
    shown = standing_client.get(f"{errors_path(project)}/long")

    assert answer.status_code == 201
    assert number in shown.text


@pytest.mark.parametrize("number", ["1" * 1_000_000, "1e400"])
def test_line_that_no_file_has_is_refused(
    standing_client: httpx.Client, project: str, number: str
) -> None:
    body = f'{{"errors": [{{"message": "a", "backtrace": [{{"line": {number}}}]}}]}}'
    answer = standing_client.post(errors_path(project), content=body.encode())

    assert answer.status_code == 400
    assert_shape(answer)


@pytest.mark.parametrize("number", ["0", "-1", "15.0", str(2**31), str(2**63), str(-(2**70))])
def test_line_of_any_number_is_taken(
    standing_client: httpx.Client, project: str, number: str
) -> None:
    body = f'{{"errors": [{{"message": "a", "backtrace": [{{"line": {number}}}]}}]}}'
    answer = standing_client.post(errors_path(project), content=body.encode())

    assert answer.status_code == 201


@pytest.mark.parametrize("number", ["1e-400", "-0.0", "1e308", "123456789012345678901234567890"])
def test_numbers_come_back_as_they_were_written(
    standing_client: httpx.Client, project: str, number: str
) -> None:
    body = f'{{"errors": [{{"message": "number"}}], "context": {{"n": {number}}}}}'
    answer = standing_client.post(errors_path(project), content=body.encode())
    shown = standing_client.get(f"{errors_path(project)}/number")

    assert answer.status_code == 201
    assert f'"n": {number}' in shown.text


def test_of_keys_that_come_twice_the_last_counts(
    standing_client: httpx.Client, project: str
) -> None:
    body = (
        b'{"errors": [{"message": "ignored"}], "context": {"a": 1}, "context": {"a": 2, "a": 3},'
        b'"errors": [{"message": "first", "message": "last", "type": "A", "type": "B"}]}'
    )
    answer = standing_client.post(errors_path(project), content=body)
    (error,) = standing_client.get(errors_path(project)).json()["data"]["errors"]
    shown = standing_client.get(f"{errors_path(project)}/last").json()["data"]["error"]

    assert answer.json()["data"] == {"errors": {"postCount": 1}}
    assert (error["message"], error["type"]) == ("last", "B")
    assert (shown["message"], shown["context"]) == ("last", {"a": 3})


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        (r"\ud83c\udf63", "🍣"),
        (r"\ud83c", "\ufffd"),
        (r"\udf63", "\ufffd"),
        (r"\ud83c\ud83c\udf63\udf63", "\ufffd🍣\ufffd"),
        (r"\\ud83c", r"\ud83c"),
        (r"\\\ud83c", "\\\ufffd"),
        (r"\\ud83c\udf63", "\\ud83c\ufffd"),
        (r"\uD83C\u0041", "\ufffdA"),
    ],
)
def test_half_a_surrogate_pair_is_replaced_and_nothing_else(
    standing_client: httpx.Client, project: str, text: str, repaired: str
) -> None:
    body = f'{{"errors": [{{"message": "halves", "odd": "{text}\\ud800"}}]}}'
    answer = standing_client.post(errors_path(project), content=body.encode())
    shown = standing_client.get(f"{errors_path(project)}/halves").json()["data"]["error"]

    assert answer.status_code == 201
    assert shown["odd"] == f"{repaired}\ufffd"


def test_wrong_type_is_named_beside_half_a_surrogate_pair(
    standing_client: httpx.Client, project: str
) -> None:
    body = b'{"errors": [{"message": 1, "type": "\\ud800"}]}'
    answer = standing_client.post(errors_path(project), content=body)

    assert [problem["path"] for problem in answer.json()["errors"]] == [["errors", "0", "message"]]


def test_brackets_in_texts_are_no_nesting(standing_client: httpx.Client, project: str) -> None:
    texts = ["[" * 200, "]" * 200, '"' + "{" * 200, "\\" + "[" * 200, '\\"[' * 100]
    report = make_report(params={"texts": texts})
    answer = standing_client.post(errors_path(project), json=report)

    assert answer.status_code == 201


def test_wrong_value_behind_thousands_of_good_ones_is_refused(
    standing_client: httpx.Client, project: str
) -> None:
    frames = [*([{"line": 1}] * 20_000), 17]
    report = make_report(errors=[make_entry(backtrace=frames)])
    answer = standing_client.post(errors_path(project), json=report)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"message": "Expected `object`, got `int`", "path": ["errors", "0", "backtrace"]}
    ]


def test_what_a_thousand_entries_share_is_bounded(
    standing_client: httpx.Client, project: str
) -> None:
    entries = [{"message": "shared"}] * 1000
    small = {"errors": entries, "context": {"filler": "x" * 10_000}}
    large = {"errors": entries, "context": {"filler": "x" * 20_000}}
    answers = [standing_client.post(errors_path(project), json=each) for each in (small, large)]

    assert [answer.status_code for answer in answers] == [201, 413]
    assert answers[1].json()["errors"] == [
        {
            "message": "what the entries share is stored with each of them, and too much in all",
            "path": ["errors"],
        }
    ]


def test_more_entries_than_allowed_are_refused(standing_client: httpx.Client, project: str) -> None:
    report = {"errors": [{"message": "a"}] * 1001}
    answer = standing_client.post(errors_path(project), json=report)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"message": "errors holds more than 1000 entries", "path": ["errors"]}
    ]

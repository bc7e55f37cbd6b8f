from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.timekeys import (
    MAX_SAFE_INTEGER,
    Timeunit,
    bucket_bounds_ms,
    format_time,
    parse_reversed_unixtime,
    parse_time,
    reversed_unixtime,
)

FIRST_MS = -62_135_596_800_000  # 0001-01-01T00:00:00Z
LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
UNITS: tuple[Timeunit, ...] = ("year", "month", "day", "hour", "minute")


@pytest.mark.parametrize(
    ("text", "epoch_ms"),
    [
        ("2016-12-07T00:00:00+09:00", 1_481_036_400_000),
        ("2016-12-06T15:00:00Z", 1_481_036_400_000),
        ("2016-12-06t15:00:00z", 1_481_036_400_000),
        ("2016-12-06T15:00:00-00:00", 1_481_036_400_000),
        ("2016-12-06T15:00:00.1Z", 1_481_036_400_100),
        ("2016-12-06T15:00:00.123999999999Z", 1_481_036_400_123),
        ("2016-12-31T23:59:60Z", 1_483_228_799_999),
        ("2016-12-31T23:59:60.5Z", 1_483_228_799_999),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("0001-01-01T00:00:00Z", FIRST_MS),
        ("9999-12-31T23:59:59.999Z", LAST_MS),
    ],
)
def test_rfc_3339_time_is_read(text: str, epoch_ms: int) -> None:
    assert parse_time(text) == epoch_ms


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "1481036400", "2016-12-07", "2016-12-07T00:00:00", "20161207T000000Z"),
        *("2016-12-07 00:00:00Z", "2016-12-07T00:00Z", "2016-12-07T00:00:00,5Z"),
        *("2016-12-07T00:00:00.Z", "2016-12-07T00:00:00+0900", "2016-12-07T00:00:00+09"),
        *("2016-12-07T00:00:00+09:75", "2016-12-07T00:00:00+24:00", "2016-12-07T24:00:00Z"),
        *("2016-12-07T00:00:61Z", "2016-02-30T00:00:00Z", "2016-13-01T00:00:00Z"),
        *("2016-W49-3T00:00:00Z", "２０１６-12-07T00:00:00Z", "2016-12-07T00:00:00Z\n"),
        *("0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-09:00", "0000-01-01T00:00:00Z"),
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an RFC 3339 time|no such day or time"):
        parse_time(text)


@given(st.text(max_size=40))
def test_no_text_raises_anything_but_value_error(text: str) -> None:
    try:
        epoch_ms = parse_time(text)
    except ValueError:
        return

    assert FIRST_MS <= epoch_ms <= LAST_MS


@given(st.integers(FIRST_MS, LAST_MS))
def test_formatted_time_reads_back_to_the_second(epoch_ms: int) -> None:
    assert parse_time(format_time(epoch_ms)) == epoch_ms // 1000 * 1000


def test_time_prints_with_an_offset_of_zero() -> None:
    assert format_time(1_481_036_400_999) == "2016-12-06T15:00:00+00:00"


@pytest.mark.parametrize(
    ("unit", "start", "end"),
    [
        ("year", "2016-01-01T00:00:00+00:00", "2017-01-01T00:00:00+00:00"),
        ("month", "2016-12-01T00:00:00+00:00", "2017-01-01T00:00:00+00:00"),
        ("day", "2016-12-06T00:00:00+00:00", "2016-12-07T00:00:00+00:00"),
        ("hour", "2016-12-06T15:00:00+00:00", "2016-12-06T16:00:00+00:00"),
        ("minute", "2016-12-06T15:04:00+00:00", "2016-12-06T15:05:00+00:00"),
    ],
)
def test_bucket_spans_the_unit_in_utc(unit: Timeunit, start: str, end: str) -> None:
    bounds = bucket_bounds_ms(parse_time("2016-12-06T15:04:05.678Z"), unit)

    assert bounds == (parse_time(start), parse_time(end))


@given(st.integers(FIRST_MS, LAST_MS), st.sampled_from(UNITS))
def test_every_time_is_in_its_bucket_and_buckets_meet(epoch_ms: int, unit: Timeunit) -> None:
    start_ms, end_ms = bucket_bounds_ms(epoch_ms, unit)

    assert start_ms <= epoch_ms < end_ms
    assert bucket_bounds_ms(start_ms, unit) == (start_ms, end_ms)
    assert bucket_bounds_ms(end_ms - 1, unit) == (start_ms, end_ms)
    if end_ms <= LAST_MS:
        assert bucket_bounds_ms(end_ms, unit)[0] == end_ms


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), st.sampled_from(UNITS))  # noqa: DTZ001 - Hypothesis takes naive bounds
def test_bucket_begins_where_the_calendar_says(moment: datetime, unit: Timeunit) -> None:
    cut = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    finer = list(cut)[UNITS.index(unit) :]
    expected = moment.replace(tzinfo=UTC, **{name: cut[name] for name in finer})

    start_ms, _ = bucket_bounds_ms(parse_time(moment.isoformat()[:19] + "Z"), unit)

    assert format_time(start_ms) == expected.isoformat()


def test_reversed_unixtime_is_that_of_faultline() -> None:
    assert reversed_unixtime(1_494_941_787, 1) == "9007197759799204"
    assert reversed_unixtime(1_494_941_787, 2) == "9007197759799204-2"


@given(st.integers(FIRST_MS // 1000, LAST_MS // 1000), st.integers(1, 2**31))
def test_reversed_unixtime_reads_back(second: int, ordinal: int) -> None:
    text = reversed_unixtime(second, ordinal)

    assert parse_reversed_unixtime(text) == (second, ordinal)
    assert len(text.partition("-")[0]) == 16


@given(st.tuples(*[st.integers(FIRST_MS // 1000, LAST_MS // 1000)] * 2))
def test_text_order_is_newest_first(seconds: tuple[int, int]) -> None:
    older, newer = sorted(seconds)

    assert reversed_unixtime(newer, 1) <= reversed_unixtime(older, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "9007197759799204-1",
        "9007197759799204-0",
        "9007197759799204-02",
        "-2",
        "9007197759799204-",
        "90071977597992044",
        "９007197759799204",
        "9007197759799204\n",
    ],
)
def test_anything_else_is_no_reversed_unixtime(text: str) -> None:
    with pytest.raises(ValueError, match="not a reversedUnixtime"):
        parse_reversed_unixtime(text)


def test_countdown_begins_at_javascripts_largest_integer() -> None:
    assert reversed_unixtime(0, 1) == str(MAX_SAFE_INTEGER) == "9007199254740991"

"""What answers mean where no vendor says otherwise."""

import pytest

from faultline_lite.egress.guard import HttpResponse
from faultline_lite.exceptions import NotifyError
from faultline_lite.notifiers.answers import decode_answer, failure_of


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (301, True),
        (302, True),
        (400, True),
        (401, True),
        (403, True),
        (404, True),
        (408, False),
        (409, True),
        (410, True),
        (422, True),
        (429, False),
        (500, False),
        (503, False),
        (599, False),
    ],
)
def test_only_what_may_pass_is_tried_again(status: int, permanent: bool) -> None:
    failure = failure_of("It", HttpResponse(status, {}, b"secret"), "no_words")

    assert (failure.permanent, failure.reason) == (permanent, f"It answered {status}: no_words")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "999999999"}, 86_400),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
        (
            {
                "date": "Wed, 07 Dec 2016 00:00:00 GMT",
                "retry-after": "Wed, 07 Dec 2016 00:01:30 GMT",
            },
            90,
        ),
        (
            {
                "date": "Wed, 07 Dec 2016 00:01:00 GMT",
                "retry-after": "Wed, 07 Dec 2016 00:00:30 GMT",
            },
            0,
        ),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    failure = failure_of("It", HttpResponse(429, headers, b""))

    assert failure.retry_after_seconds == seconds


def test_failure_for_good_is_not_to_be_tried_again_whatever_the_header_says() -> None:
    failure = failure_of("It", HttpResponse(404, {"retry-after": "5"}, b""))

    assert (failure.permanent, failure.retry_after_seconds) == (True, None)


@pytest.mark.parametrize("body", [b"", b"secret", b"\xff", b'"secret"', b'{"a": "secret"}'])
def test_body_of_another_shape_is_a_failure_that_does_not_quote_it(body: bytes) -> None:
    with pytest.raises(NotifyError) as caught:
        decode_answer("It", HttpResponse(200, {}, body), list[int])

    assert (caught.value.permanent, caught.value.reason) == (
        False,
        "It answered 200 with something else than expected",
    )

import gzip

import brotli
import pytest

from faultline_lite.web.compression import choose_encoding, compress


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", None),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("*", "br"),
        ("identity;q=1, *;q=0", None),
        ("BR ; q=0.1", "br"),
        ("br;q=x", None),
    ],
)
def test_encoding_is_one_that_the_browser_accepts(accepted: str, chosen: str | None) -> None:
    assert choose_encoding(accepted) == chosen


def test_compressed_body_reads_back() -> None:
    body = b"<p>error</p>" * 100

    assert brotli.decompress(compress(body, "br", 4)) == body
    assert gzip.decompress(compress(body, "gzip", 4)) == body

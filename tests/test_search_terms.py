"""Terms of texts: what is remembered of them stays bounded."""

import string
import tracemalloc
from random import Random

from faultline_lite.store.search_terms import make_terms
from faultline_lite.store.search_texts import Indexed


def test_terms_of_long_texts_are_not_remembered() -> None:
    source = Random(1)  # noqa: S311 - it only has to be different each time
    texts = ["".join(source.choices(string.ascii_lowercase + " ", k=16_000)) for _ in range(30)]
    tracemalloc.start()
    try:
        before_bytes, _ = tracemalloc.get_traced_memory()
        for text in texts:
            make_terms([Indexed("value", text, lasting=True)])
        after_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after_bytes - before_bytes < sum(map(len, texts)) / 2

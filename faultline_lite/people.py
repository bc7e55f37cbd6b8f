"""Count distinct people in bounded room: exactly while they are few, by estimate from there on.

A sketch holds the lowest SKETCH_SIZE hashes of all that were added. Hashes are spread evenly, so
that the highest of these tells how many there must be (Bar-Yossef et al., "Counting distinct
elements in a data stream", 2002: k minimum values). It forgets nothing that matters when two are
merged, and adding the same person again changes nothing.
"""

import hashlib
from collections.abc import Iterable

#: Up to here the count is exact; beyond it off by some 4 %.
SKETCH_SIZE = 512
HASH_BYTES = 8

_HASHES: int = 2 ** (8 * HASH_BYTES)


def add_people(sketch: bytes, people: Iterable[str]) -> bytes:
    """Return the sketch, empty at first, with these people added."""
    return merge_sketches(sketch, b"".join(map(_hash, people)))


def merge_sketches(first: bytes, second: bytes) -> bytes:
    """Return the sketch of all the people in both."""
    hashes = {*_split(first), *_split(second)}
    return b"".join(sorted(hashes)[:SKETCH_SIZE])


def count_people(sketch: bytes) -> int:
    """Return how many people the sketch stands for."""
    size = len(sketch) // HASH_BYTES
    if size < SKETCH_SIZE:
        return size
    highest = int.from_bytes(sketch[-HASH_BYTES:])
    return (SKETCH_SIZE - 1) * _HASHES // (highest + 1)


def _hash(person: str) -> bytes:
    encoded = person.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=HASH_BYTES, person=b"people").digest()


def _split(hashes: bytes) -> Iterable[bytes]:
    return (hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES))

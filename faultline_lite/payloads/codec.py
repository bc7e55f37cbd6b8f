"""Compress and expand payloads with zstd and the dictionaries that were trained on them.

Occurrences are nearly alike, so that a dictionary of what the server has seen brings them to a
fraction of what zstd alone does. A payload names the dictionary it needs by its id; id 0 is none.
"""

import threading
from collections.abc import Iterable

from zstandard import (
    DICT_TYPE_FULLDICT,
    ZstdCompressionDict,
    ZstdCompressionParameters,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
    train_dictionary,
)

#: Level 3 is zstd's own default: higher ones cost several times as much for a few percent.
LEVEL = 3
#: A dictionary is as large as so many payloads, within bounds: what differs between applications is
#: their frames, and one that holds too few of them helps little. With 40 KB payloads 64 KB of it
#: left 5,150 bytes each, 256 KB left 620; with 4 KB payloads it hardly matters.
DICTIONARY_PAYLOADS = 16
MIN_DICTIONARY_BYTES = 64 * 1024
MAX_DICTIONARY_BYTES = 256 * 1024


class PayloadCodec:
    """Compresses with the newest dictionary, expands with any. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current_id = 0
        self._compressor = _make_compressor(None)
        self._decompressors = {0: ZstdDecompressor()}
        self._deleted: set[int] = set()

    @property
    def current_id(self) -> int:
        """The id of the dictionary that new payloads are compressed with, 0 for none."""
        return self._current_id

    def add_dictionary(self, dictionary_id: int, content: bytes) -> None:
        """Know a dictionary; the one added last compresses."""
        dictionary = ZstdCompressionDict(content, dict_type=DICT_TYPE_FULLDICT)
        with self._lock:
            self._decompressors[dictionary_id] = ZstdDecompressor(dict_data=dictionary)
            self._compressor = _make_compressor(dictionary)
            self._current_id = dictionary_id

    def forget_deleted(self, kept_ids: Iterable[int]) -> None:
        """Let go of dictionaries that were not among those kept the last time either.

        Not at once: who reads the database as it was before may still meet a payload of theirs.
        """
        with self._lock:
            deleted = self._decompressors.keys() - {0, self._current_id, *kept_ids}
            for dictionary_id in deleted & self._deleted:
                del self._decompressors[dictionary_id]
            self._deleted = deleted - self._deleted

    def compress(self, payloads: list[bytes]) -> tuple[int, list[bytes]]:
        """Return the id of the dictionary that was used and the payloads, compressed one by one.

        One call for many lets go of the interpreter's lock once.
        """
        with self._lock:
            if len(payloads) == 1:
                return self._current_id, [self._compressor.compress(payloads[0])]
            segments = self._compressor.multi_compress_to_buffer([*payloads])
            return self._current_id, [segments[n].tobytes() for n in range(len(segments))]

    def decompress(self, dictionary_id: int, payload: bytes) -> bytes:
        """Return the payload as it was given to ``compress``."""
        with self._lock:
            return self._decompressors[dictionary_id].decompress(payload)


def train(samples: list[bytes], codec: PayloadCodec) -> bytes | None:
    """Return a dictionary for payloads like the samples, None where it would not pay.

    It is judged on every second sample, which it was not trained on: it must bring these to seven
    eighths or less of what ``codec`` brings them to now, since it is kept for as long as any
    payload needs it. Takes up to a second of CPU, without holding the interpreter's lock.
    """
    known: list[bytes | bytearray | memoryview] = [*samples[::2]]
    unknown = samples[1::2]
    try:
        dictionary = train_dictionary(_dictionary_bytes(samples), known)
    except ZstdError:
        # Too few samples, or too little in them repeats.
        return None
    compressor = _make_compressor(dictionary)
    new_bytes = sum(len(compressor.compress(sample)) for sample in unknown)
    old_bytes = sum(map(len, codec.compress(unknown)[1]))
    return dictionary.as_bytes() if new_bytes <= old_bytes * 7 / 8 else None


def _dictionary_bytes(samples: list[bytes]) -> int:
    wanted = DICTIONARY_PAYLOADS * sum(map(len, samples)) // max(1, len(samples))
    return max(MIN_DICTIONARY_BYTES, min(MAX_DICTIONARY_BYTES, wanted))


def _make_compressor(dictionary: ZstdCompressionDict | None) -> ZstdCompressor:
    # The id of the dictionary is in the row already; the size is what the decompressor needs.
    parameters = ZstdCompressionParameters.from_level(
        LEVEL, write_content_size=True, write_dict_id=False
    )
    if dictionary is not None:
        # Otherwise every call digests it anew, which takes longer than to compress a payload.
        dictionary.precompute_compress(compression_params=parameters)
    return ZstdCompressor(dict_data=dictionary, compression_params=parameters)

"""The texts of the search index's rows: packed, to be compressed, and looked through.

They are kept to look whether a row that fits holds what was searched for, to show it, and to take
the row's terms out again.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec

from faultline_lite.search.grams import blank, find_blanked, fold_letters, has_word, is_short
from faultline_lite.search.searchable import WHOLE_KINDS, Kind, Passage

#: What stands before packed texts; capital where their lasting grams are in the index.
_PACK_MARKS: dict[Kind, str] = {
    "message": "m",
    "type": "t",
    "file": "f",
    "function": "c",
    "value": "v",
    "environment": "e",
    "release": "r",
}
_KINDS = {mark: kind for kind, mark in _PACK_MARKS.items()}
#: Of so many texts is remembered what was made of them, if they are no longer than this: files,
#: functions and many values come with one error after the other, long texts seldom.
SHARED_TEXTS = 8192
SHARED_CHARACTERS = 200
#: What stands between packed texts. Texts have a space for it (``new_texts``).
_BETWEEN = "\0"

_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder(dict[str, str])


class Indexed(NamedTuple):
    """A text in the index; ``lasting`` says whether its lasting grams are, too."""

    kind: Kind
    text: str
    lasting: bool


def pack_texts(texts: Iterable[Indexed]) -> bytes:
    """Return the texts as bytes, to be compressed: those of each kind in one string."""
    groups: dict[str, list[str]] = {}
    for kind, text, lasting in texts:
        mark = _PACK_MARKS[kind]
        groups.setdefault(mark.upper() if lasting else mark, []).append(text)
    return _packer.encode({mark: _BETWEEN.join(own) for mark, own in groups.items()})


def unpack_texts(packed: bytes) -> list[Indexed]:
    """Return the texts that ``pack_texts`` packed."""
    return [
        Indexed(_KINDS[mark.lower()], text, mark.isupper())
        for mark, joined in _unpacker.decode(packed).items()
        for text in joined.split(_BETWEEN)
    ]


class RowTexts:
    """The texts of a row, each kind of which is folded when it is first asked for."""

    def __init__(self, packed: bytes) -> None:
        self._packed = _unpacker.decode(packed) if packed else {}
        self._folded: dict[Kind, str] = {}

    def hold(self, wanted: str, kinds: Collection[Kind]) -> bool:
        """Return whether a text of these kinds holds what is wanted, which is folded.

        In messages every part counts, elsewhere what is shorter than a gram does as a word only.
        """
        return any(_find(kind, self._fold(kind), wanted) is not None for kind in kinds)

    def find(self, wanted: str, kinds: Collection[Kind]) -> Passage | None:
        """Return the first text of the first of these kinds that holds it, or None."""
        for kind in kinds:
            place = _find(kind, self._fold(kind), wanted)
            if place is not None:
                return Passage(kind, self._join(kind).split(_BETWEEN)[place])
        return None

    def _fold(self, kind: Kind) -> str:
        """Return the texts of that kind, folded but for their white space."""
        folded = self._folded.get(kind)
        if folded is None:
            folded = self._folded[kind] = fold_letters(self._join(kind))
        return folded

    def _join(self, kind: Kind) -> str:
        """Return the texts of that kind, as posted."""
        mark = _PACK_MARKS[kind]
        lasting, others = self._packed.get(mark.upper()), self._packed.get(mark)
        if lasting is None or others is None:
            return lasting or others or ""
        return lasting + _BETWEEN + others


def _find(kind: Kind, folded: str, wanted: str) -> int | None:
    """Return which of the joined texts of a kind is the first that holds it, None if none does."""
    start = folded.find(wanted)
    # To blank all of it would take most of the time, and matters to phrases only.
    if start < 0 and not (" " in wanted and find_blanked(folded, wanted)):
        return None
    if start >= 0 and (kind == "message" or not (kind in WHOLE_KINDS or is_short(wanted))):
        return folded.count(_BETWEEN, 0, start)
    texts = map(blank, folded.split(_BETWEEN))
    return next((place for place, text in enumerate(texts) if _holds(kind, text, wanted)), None)


def _holds(kind: Kind, text: str, wanted: str) -> bool:
    if kind in WHOLE_KINDS:
        return text == wanted
    if kind != "message" and is_short(wanted):
        return has_word(text, wanted)
    return wanted in text

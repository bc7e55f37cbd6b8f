"""Which documents of the search index hold a term.

There are two ways to it. What few documents hold is asked of the index: first the documents that
may hold it, then whether one does. Of what very many hold, their texts are looked at one document
after the other: to ask the index would take longer than to find a page of them.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import msgspec

from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.search.query import Term
from faultline_lite.search.searchable import Kind, Passage
from faultline_lite.store.search_index import get_packed_texts, list_row_ids
from faultline_lite.store.search_terms import make_match
from faultline_lite.store.search_texts import RowTexts

#: Texts that are remembered, packed: all terms of a query look at one document after the other.
#: Folded as well they take some four times as much, and most documents a few KB.
REMEMBERED_BYTES = 2**20
#: A word is common when so many rows fit it: to ask the index of them takes some 10 ms.
COMMON_ROWS = 16_000

_ids_decoder = msgspec.json.Decoder(list[int])


class OutOfTimeError(Exception):
    """The search has had its time."""


class Texts:
    """The texts of the index's rows, until ``ends_at`` on the monotonic clock.

    ``rows_read`` counts those that were looked at.
    """

    def __init__(self, connection: sqlite3.Connection, codec: PayloadCodec, ends_at: float) -> None:
        self._connection = connection
        self._codec = codec
        self._ends_at = ends_at
        self._rows: dict[int, RowTexts] = {}
        self._bytes = 0
        self._document_id = 0
        self._row_ids: Sequence[int] = ()
        self.rows_read = 0

    def list_row_ids(self, document_id: int) -> Sequence[int]:
        """Return the rows of a document, the first ones, which hold most, first."""
        if document_id != self._document_id:
            self._document_id = document_id
            self._row_ids = list_row_ids(self._connection, document_id)
        return self._row_ids

    def check_time(self) -> None:
        """Raise OutOfTimeError when time is up."""
        if time.monotonic() > self._ends_at:
            raise OutOfTimeError

    def of(self, row_id: int) -> RowTexts:
        """Return the texts of a row. Raises OutOfTimeError instead of reading it late."""
        texts = self._rows.get(row_id)
        if texts is None:
            self.check_time()
            packed = get_packed_texts(self._connection, self._codec, row_id)
            self._bytes += len(packed)
            if self._bytes > REMEMBERED_BYTES:
                self._rows.clear()
                self._bytes = len(packed)
            texts = self._rows[row_id] = RowTexts(packed)
            self.rows_read += 1
        return texts


class Candidates:
    """The documents that a full-text query finds, and the rows by which it does."""

    def __init__(self, connection: sqlite3.Connection, match: str | None) -> None:
        found = ("[]", "[]")
        if match is not None:
            # One row of two arrays: each of thousands of rows would cost a step in Python.
            found = connection.execute(
                """
                SELECT json_group_array(search_row.document_id), json_group_array(search_row.id)
                FROM search_gram CROSS JOIN search_row ON search_row.id = search_gram.rowid
                WHERE search_gram MATCH ?
                """,
                (match,),
            ).fetchone()
        self._documents_and_rows = found
        self.documents = frozenset(_ids_decoder.decode(found[0]))

    def row_of(self, document_id: int) -> int:
        """Return one of the rows of a document that is among them."""
        return self._one_row[document_id]

    def rows_of(self, document_id: int) -> Iterator[int]:
        """Yield the rows of a document: one at once, as nearly always any will do."""
        if document_id in self.documents:
            yield self._one_row[document_id]
            yield from self._all_rows[document_id]

    @cached_property
    def _one_row(self) -> dict[int, int]:
        return dict(self._list_pairs())

    @cached_property
    def _all_rows(self) -> dict[int, list[int]]:
        rows: dict[int, list[int]] = {}
        for document_id, row_id in self._list_pairs():
            rows.setdefault(document_id, []).append(row_id)
        return rows

    def _list_pairs(self) -> Iterable[tuple[int, int]]:
        return zip(*map(_ids_decoder.decode, self._documents_and_rows), strict=True)


class _Tier:
    """What is known of a term in texts of some kinds; the index is asked when it has to be."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        wanted: str,
        kinds: tuple[Kind, ...],
        common_rows: int,
    ) -> None:
        self.kinds = kinds
        self._match = make_match(wanted, kinds)
        self._connection = connection
        self._common_rows = common_rows
        self._known: dict[int, bool] = {}

    @cached_property
    def sure(self) -> Candidates:
        """What holds the term."""
        return Candidates(self._connection, self._match.sure)

    @cached_property
    def possible(self) -> Candidates:
        """What else may hold it: to ask for it takes as long again."""
        return Candidates(self._connection, self._match.possible)

    @cached_property
    def is_common(self) -> bool:
        """Whether the term is a word that is in very many rows; the index does not tell of others.

        It tells it soon.
        """
        return _has_rows(self._connection, self._match.sure, self._common_rows)

    @property
    def documents(self) -> frozenset[int]:
        """The documents that may hold the term."""
        return self.sure.documents | self.possible.documents

    def holds(self, document_id: int, wanted: str, texts: Texts) -> bool:
        """Return whether the document holds the term."""
        if document_id in self.sure.documents:
            return True
        known = self._known.get(document_id)
        if known is None:
            known = self._known[document_id] = any(
                texts.of(row_id).hold(wanted, self.kinds)
                for row_id in self.possible.rows_of(document_id)
            )
        return known

    def find(self, document_id: int, wanted: str, texts: Texts) -> Passage | None:
        """Return a text that holds the term, None where none does."""
        if document_id in self.sure.documents:
            return texts.of(self.sure.row_of(document_id)).find(wanted, self.kinds)
        return _find_first(texts, self.possible.rows_of(document_id), wanted, self.kinds)


class Matcher:
    """Tells of a term which documents hold it, at its best tier of kinds or the next ones.

    A word that ``common_rows`` of the index hold is common.
    """

    def __init__(
        self, connection: sqlite3.Connection, term: Term, texts: Texts, common_rows: int
    ) -> None:
        self.term = term
        self.last_rank = len(term.tiers) - 1
        self._texts = texts
        self._tiers = [_Tier(connection, term.text, kinds, common_rows) for kinds in term.tiers]
        self._documents: list[frozenset[int]] = []

    def is_common(self, rank: int) -> bool:
        """Return whether it is a common word in one of its tiers up to ``rank``."""
        return any(tier.is_common for tier in self._tiers[: rank + 1])

    def documents(self, rank: int) -> frozenset[int]:
        """Return the documents that may hold the term in its tiers up to ``rank``."""
        rank = min(rank, self.last_rank)
        while len(self._documents) <= rank:
            before = self._documents[-1] if self._documents else frozenset[int]()
            self._documents.append(before | self._tiers[len(self._documents)].documents)
        return self._documents[rank]

    @cached_property
    def sure_documents(self) -> frozenset[int]:
        """The documents that hold the term in any of its tiers for sure."""
        return frozenset().union(*(tier.sure.documents for tier in self._tiers))

    def holds(self, document_id: int, rank: int) -> bool:
        """Return whether the document holds the term in its tiers up to ``rank``."""
        return any(
            tier.holds(document_id, self.term.text, self._texts) for tier in self._tiers[: rank + 1]
        )

    def is_in_texts(self, document_id: int, rank: int) -> bool:
        """Return what ``holds`` does, without the index: by a look at the document's texts."""
        kinds = self._kinds(rank)
        return any(
            self._texts.of(row_id).hold(self.term.text, kinds)
            for row_id in self._texts.list_row_ids(document_id)
        )

    def find(self, document_id: int, rank: int) -> Passage | None:
        """Return a text that holds the term in those tiers, None where none does.

        It is the best, unless the index was not asked: then it is of the first row that has one.
        """
        if len(self._documents) <= min(rank, self.last_rank):
            row_ids = self._texts.list_row_ids(document_id)
            return _find_first(self._texts, row_ids, self.term.text, self._kinds(rank))
        for tier in self._tiers[: rank + 1]:
            found = tier.find(document_id, self.term.text, self._texts)
            if found is not None:
                return found
        return None

    def _kinds(self, rank: int) -> tuple[Kind, ...]:
        return sum(self.term.tiers[: rank + 1], ())


def _find_first(
    texts: Texts, row_ids: Iterable[int], wanted: str, kinds: tuple[Kind, ...]
) -> Passage | None:
    found = (texts.of(row_id).find(wanted, kinds) for row_id in row_ids)
    return next((passage for passage in found if passage is not None), None)


def _has_rows(connection: sqlite3.Connection, match: str | None, rows: int) -> bool:
    """Return whether a full-text query finds so many rows."""
    if match is None:
        return False
    (found,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM search_gram WHERE search_gram MATCH ? LIMIT ?)",
        (match, rows),
    ).fetchone()
    return bool(found == rows)

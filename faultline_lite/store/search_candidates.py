"""Which documents of the search index hold a term: first those that may, then whether one does."""

import sqlite3
from collections.abc import Iterable, Iterator, KeysView
from functools import cached_property

import msgspec

from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.search.query import Term
from faultline_lite.search.searchable import Kind, Passage
from faultline_lite.store.search_index import get_packed_texts
from faultline_lite.store.search_terms import (
    any_holds,
    find_text,
    fold_packed,
    make_match,
    unpack_texts,
)

#: Rows whose texts are remembered: all terms of a query look at one document after the other.
REMEMBERED_ROWS = 64

_ids_decoder = msgspec.json.Decoder(list[int])


class Texts:
    """The texts of the index's rows."""

    def __init__(self, connection: sqlite3.Connection, codec: PayloadCodec) -> None:
        self._connection = connection
        self._codec = codec
        self._folded: dict[int, dict[Kind, str]] = {}

    def hold(self, row_id: int, wanted: str, kinds: Iterable[Kind]) -> bool:
        """Return whether a text of the row, of one of these kinds, holds what is wanted."""
        folded = self._folded.get(row_id)
        if folded is None:
            if len(self._folded) >= REMEMBERED_ROWS:
                self._folded.clear()
            packed = get_packed_texts(self._connection, self._codec, row_id)
            folded = {} if packed is None else fold_packed(packed)
            self._folded[row_id] = folded
        return any(kind in folded and any_holds(kind, folded[kind], wanted) for kind in kinds)

    def find(self, row_id: int, wanted: str, kinds: Iterable[Kind]) -> Passage | None:
        """Return the first text of the row, of these kinds, that holds it, or None."""
        packed = get_packed_texts(self._connection, self._codec, row_id)
        texts = [] if packed is None else unpack_texts(packed)
        for kind in kinds:
            text = find_text(kind, (each.text for each in texts if each.kind == kind), wanted)
            if text is not None:
                return Passage(kind, text)
        return None


class Candidates:
    """The rows that a full-text query finds, and their documents."""

    def __init__(self, connection: sqlite3.Connection, match: str | None) -> None:
        self._documents: list[int] = []
        self._rows: list[int] = []
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
            self._documents, self._rows = map(_ids_decoder.decode, found)
        self._one_row = dict(zip(self._documents, self._rows, strict=True))
        self._all_rows: dict[int, list[int]] | None = None

    @property
    def documents(self) -> KeysView[int]:
        """The documents that have such a row."""
        return self._one_row.keys()

    def rows_of(self, document_id: int) -> Iterator[int]:
        """Yield the rows of a document: one at once, as nearly always any will do."""
        first_id = self._one_row.get(document_id)
        if first_id is None:
            return
        yield first_id
        if self._all_rows is None:
            self._all_rows = {}
            for each, row_id in zip(self._documents, self._rows, strict=True):
                self._all_rows.setdefault(each, []).append(row_id)
        yield from self._all_rows[document_id]


class _Tier:
    """What is known of a term in texts of some kinds."""

    def __init__(
        self, connection: sqlite3.Connection, wanted: str, kinds: tuple[Kind, ...]
    ) -> None:
        self.kinds = kinds
        match = make_match(wanted, kinds)
        self.sure = Candidates(connection, match.sure)
        self.possible = Candidates(connection, match.possible)

    @property
    def documents(self) -> frozenset[int]:
        """The documents that may hold the term."""
        return frozenset(self.sure.documents).union(self.possible.documents)

    def holds(self, document_id: int, wanted: str, texts: Texts) -> bool:
        """Return whether the document holds the term."""
        return document_id in self.sure.documents or any(
            texts.hold(row_id, wanted, self.kinds) for row_id in self.possible.rows_of(document_id)
        )

    def rows_of(self, document_id: int) -> Iterator[int]:
        """Yield the rows in which the term is, or may be."""
        yield from self.sure.rows_of(document_id)
        yield from self.possible.rows_of(document_id)


class Matcher:
    """Tells of a term which documents hold it, at its best tier of kinds or the next ones."""

    def __init__(self, connection: sqlite3.Connection, term: Term, texts: Texts) -> None:
        self.term = term
        self.last_rank = len(term.tiers) - 1
        self._connection = connection
        self._texts = texts
        self._tiers: list[_Tier] = []
        self._documents: list[frozenset[int]] = []

    def documents(self, rank: int) -> frozenset[int]:
        """Return the documents that may hold the term in its tiers up to ``rank``."""
        rank = min(rank, self.last_rank)
        while len(self._tiers) <= rank:
            kinds = self.term.tiers[len(self._tiers)]
            self._tiers.append(_Tier(self._connection, self.term.text, kinds))
            before = self._documents[-1] if self._documents else frozenset[int]()
            self._documents.append(before | self._tiers[-1].documents)
        return self._documents[rank]

    @cached_property
    def sure_documents(self) -> frozenset[int]:
        """The documents that hold the term in any of its tiers for sure."""
        self.documents(self.last_rank)
        return frozenset().union(*(tier.sure.documents for tier in self._tiers))

    def holds(self, document_id: int, rank: int) -> bool:
        """Return whether the document holds the term in its tiers up to ``rank``."""
        return document_id in self.documents(rank) and any(
            tier.holds(document_id, self.term.text, self._texts) for tier in self._tiers[: rank + 1]
        )

    def find(self, document_id: int, rank: int) -> Passage | None:
        """Return the best text that holds the term in those tiers, None where none does."""
        self.documents(rank)
        for tier in self._tiers[: rank + 1]:
            for row_id in tier.rows_of(document_id):
                found = self._texts.find(row_id, self.term.text, tier.kinds)
                if found is not None:
                    return found
        return None

"""Which documents of the search index hold a term: first those that may, then whether one does."""

import sqlite3
from collections.abc import Iterable

import msgspec

from faultline_lite.grams import fold
from faultline_lite.payloads import PayloadCodec
from faultline_lite.query import Term
from faultline_lite.searchable import Kind, Passage
from faultline_lite.store.search_index import get_texts
from faultline_lite.store.search_terms import holds, make_match

_ids_decoder = msgspec.json.Decoder(list[int])


class Texts:
    """The texts of the index's rows, each row read once in a search."""

    def __init__(self, connection: sqlite3.Connection, codec: PayloadCodec) -> None:
        self._connection = connection
        self._codec = codec
        self._rows: dict[int, list[tuple[Kind, str, str]]] = {}

    def find(self, row_id: int, term: Term, kinds: tuple[Kind, ...]) -> Passage | None:
        """Return the row's first text of these kinds that holds the term, None where none does."""
        texts = self._rows.get(row_id)
        if texts is None:
            found = get_texts(self._connection, self._codec, row_id)
            texts = self._rows[row_id] = [(kind, text, fold(text)) for kind, text, _ in found]
        for kind, text, folded in texts:
            if kind in kinds and holds(kind, folded, term.text):
                return Passage(kind, text)
        return None


class Candidates:
    """The rows that may hold a term in a text of some kinds, and their documents."""

    def __init__(self, connection: sqlite3.Connection, match: str | None) -> None:
        # One row of two arrays instead of thousands of rows: each would cost a step in Python.
        found = (
            ("[]", "[]")
            if match is None
            else connection.execute(
                """
            SELECT json_group_array(search_row.document_id), json_group_array(search_row.id)
            FROM search_gram CROSS JOIN search_row ON search_row.id = search_gram.rowid
            WHERE search_gram MATCH ?
            """,
                (match,),
            ).fetchone()
        )
        self._documents, self._rows = map(_ids_decoder.decode, found)
        self._one_row = dict(zip(self._documents, self._rows, strict=True))
        self._all_rows: dict[int, list[int]] | None = None

    @property
    def documents(self) -> Iterable[int]:
        """The documents that have such a row."""
        return self._one_row.keys()

    def find(
        self, document_id: int, term: Term, kinds: tuple[Kind, ...], texts: Texts
    ) -> Passage | None:
        """Return a text of the document that holds the term, None where none does."""
        row_id = self._one_row.get(document_id)
        if row_id is None:
            return None
        # Nearly always any row will do.
        found = texts.find(row_id, term, kinds)
        if found is not None:
            return found
        for other_id in self._rows_of(document_id):
            found = texts.find(other_id, term, kinds)
            if found is not None:
                return found
        return None

    def _rows_of(self, document_id: int) -> list[int]:
        if self._all_rows is None:
            self._all_rows = {}
            for each, row_id in zip(self._documents, self._rows, strict=True):
                self._all_rows.setdefault(each, []).append(row_id)
        return self._all_rows[document_id]


class Matcher:
    """Tells of a term which documents hold it, at its best tier of kinds or the next ones."""

    def __init__(self, connection: sqlite3.Connection, term: Term, texts: Texts) -> None:
        self.term = term
        self._connection = connection
        self._texts = texts
        self._candidates: list[Candidates] = []
        self._documents: list[frozenset[int]] = []

    @property
    def last_rank(self) -> int:
        """The rank of the term's last tier."""
        return len(self.term.tiers) - 1

    def documents(self, rank: int) -> frozenset[int]:
        """Return the documents that may hold the term in its tiers up to ``rank``."""
        while len(self._documents) <= min(rank, self.last_rank):
            match = make_match(self.term.text, self.term.tiers[len(self._candidates)])
            self._candidates.append(Candidates(self._connection, match))
            before = self._documents[-1] if self._documents else frozenset[int]()
            self._documents.append(before.union(self._candidates[-1].documents))
        return self._documents[min(rank, self.last_rank)]

    def find(self, document_id: int, rank: int) -> Passage | None:
        """Return the best text that holds the term, None where none of those tiers does."""
        if document_id not in self.documents(rank):
            return None
        for kinds, candidates in zip(self.term.tiers, self._candidates[: rank + 1], strict=False):
            found = candidates.find(document_id, self.term, kinds, self._texts)
            if found is not None:
                return found
        return None

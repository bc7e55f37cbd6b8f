"""Which documents of the search index hold a term: first those that may, then whether one does."""

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from faultline_lite.payloads import PayloadCodec
from faultline_lite.query import Term
from faultline_lite.searchable import Kind, Passage
from faultline_lite.store.search_index import get_texts
from faultline_lite.store.search_terms import any_holds, find_text, fold_all, make_match

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
            texts = get_texts(self._connection, self._codec, row_id)
            folded = {kind: fold_all(own) for kind, own in texts.items()}
            self._folded[row_id] = folded
        return any(kind in folded and any_holds(kind, folded[kind], wanted) for kind in kinds)

    def find(self, row_id: int, wanted: str, kinds: Iterable[Kind]) -> Passage | None:
        """Return the first text of the row, of these kinds, that holds it, or None."""
        texts = get_texts(self._connection, self._codec, row_id)
        for kind in kinds:
            text = find_text(kind, texts.get(kind, ()), wanted)
            if text is not None:
                return Passage(kind, text)
        return None


class Candidates:
    """The rows that may hold a term in a text of some kinds, and their documents."""

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
    def documents(self) -> Iterable[int]:
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

    def holds(self, document_id: int, rank: int) -> bool:
        """Return whether the document holds the term in its tiers up to ``rank``."""
        if document_id not in self.documents(rank):
            return False
        wanted = self.term.text
        return any(
            self._texts.hold(row_id, wanted, kinds)
            for kinds, row_id in self._rows(document_id, rank)
        )

    def find(self, document_id: int, rank: int) -> Passage | None:
        """Return the best text that holds the term in those tiers, None where none does."""
        self.documents(rank)
        for kinds, row_id in self._rows(document_id, rank):
            found = self._texts.find(row_id, self.term.text, kinds)
            if found is not None:
                return found
        return None

    def _rows(self, document_id: int, rank: int) -> Iterator[tuple[tuple[Kind, ...], int]]:
        tiers = zip(self.term.tiers, self._candidates[: rank + 1], strict=False)
        for kinds, candidates in tiers:
            for row_id in candidates.rows_of(document_id):
                yield kinds, row_id

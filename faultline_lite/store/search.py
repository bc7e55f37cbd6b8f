"""Find errors by full text: those that a query holds for, ranked or in the order of a list.

Candidates come from the index (``search_candidates``), are gone through in their order, and each
is looked at before it counts, until a page is full. Of common words the index is not asked, as long
as many of the candidates have them. A query has SECONDS for all of it and is then cut with a
notice: none keeps a reader's thread for longer.
"""

import contextlib
import sqlite3
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Annotated, NamedTuple

import msgspec

from faultline_lite.models import Error, Integer64
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.search.query import TIERS, Filter, Query
from faultline_lite.search.searchable import Kind
from faultline_lite.search.snippets import Part, make_snippet
from faultline_lite.sentences import say
from faultline_lite.store.errors import SORT_COLUMNS, Position, Sort, get_error_by_id, position_of
from faultline_lite.store.search_candidates import COMMON_ROWS, Matcher, OutOfTimeError, Texts
from faultline_lite.store.search_index import list_document_ids

SECONDS = 0.5
#: Instructions of SQLite's machine between two looks at the clock; some 0.1 ms.
_CLOCK_INSTRUCTIONS = 2000
#: Up to so many candidates are looked up and sorted; where there are more, all errors are gone
#: through in their order, as a page of them is found soon.
_MOST_SORTED = 2000
#: For each common word a sixteenth as many rows are read as make it common, before the index is
#: asked of it after all: to read one takes 16 times as long.
_PART_READ = 16
_LAST_RANK = len(TIERS) - 1
_CUT_NOTICE = say("the search took too long and was cut; there may be more")


class SearchPosition(msgspec.Struct, frozen=True, array_like=True):
    """The place in a search after which the next page begins."""

    rank: Annotated[int, msgspec.Meta(ge=0, le=_LAST_RANK)]
    last_seen_ms: Integer64
    id: Integer64


class Snippet(NamedTuple):
    """Where something was found: the kind of text, and it, with the matches marked."""

    field: Kind
    parts: tuple[Part, ...]


class Hit(NamedTuple):
    """An error that was found; it has no snippet where the query asks for no text."""

    error: Error
    snippet: Snippet | None


class SearchPage(NamedTuple):
    """Errors that were found, and the place where the next page begins, None at the end.

    ``notice`` says what keeps the page from being the whole answer, if anything does.
    """

    hits: list[Hit]
    following: SearchPosition | Position | None
    notice: str | None


class _Found(NamedTuple):
    """An error in the order of the search, and its document."""

    rank: int
    value: int
    error_id: int
    document_id: int | None


#: A place in the order of a column: its value, and the error's id.
_Place = tuple[int, int]


def search_errors(
    connection: sqlite3.Connection,
    codec: PayloadCodec,
    query: Query,
    *,
    limit: int,
    after: SearchPosition | None,
    seconds: float = SECONDS,
    common_rows: int = COMMON_ROWS,
) -> SearchPage:
    """Return up to ``limit`` errors of all projects that the query holds for, best match first.

    Best are those that have all of it in messages and types, then those that have it there and in
    frames, then the rest; within these, those that were seen last. What ``common_rows`` of the
    index fit is common.
    """
    ends_at = time.monotonic() + seconds
    with _reading(connection, ends_at):
        search = _Search(connection, codec, query, ends_at, common_rows)
        hits, is_cut = search.collect(search.by_rank(after), limit)
    following: SearchPosition | None = None
    if hits and not search.is_at_end:
        following = SearchPosition(*search.last[:3])
    return SearchPage(hits, following, _notice(query, is_cut))


def list_matching_errors(
    connection: sqlite3.Connection,
    codec: PayloadCodec,
    query: Query,
    *,
    sort: Sort,
    limit: int,
    after: Position | None,
    seconds: float = SECONDS,
    common_rows: int = COMMON_ROWS,
) -> SearchPage:
    """Return up to ``limit`` errors that the query holds for, in the order of the lists."""
    ends_at = time.monotonic() + seconds
    with _reading(connection, ends_at):
        search = _Search(connection, codec, query, ends_at, common_rows)
        place = None if after is None else (after.value, after.id)
        hits, is_cut = search.collect(search.by_column(SORT_COLUMNS[sort], place), limit)
    following = None
    if hits and not search.is_at_end:
        following = position_of(hits[-1].error, sort)
    return SearchPage(hits, following, _notice(query, is_cut))


class _Search:
    """One search: its matchers, and how far it has come."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        codec: PayloadCodec,
        query: Query,
        ends_at: float,
        common_rows: int,
    ) -> None:
        self._connection = connection
        self._common_rows = common_rows
        self._conditions, self._values = _make_conditions(query)
        self._texts = Texts(connection, codec, ends_at)
        matchers = [Matcher(connection, term, self._texts, common_rows) for term in query.terms]
        self._wanted = [each for each in matchers if not each.term.negated]
        self._unwanted = [each for each in matchers if each.term.negated]
        self.last = _Found(0, 0, 0, None)
        self.is_at_end = False

    def collect(self, found: Iterator[_Found], limit: int) -> tuple[list[Hit], bool]:
        """Return up to ``limit`` hits, and whether time was up before there were so many.

        One more is looked for, which tells whether that was the end.
        """
        hits: list[Hit] = []
        try:
            for each in found:
                if len(hits) == limit:
                    return hits, False
                error = get_error_by_id(self._connection, each.error_id)
                hits.append(Hit(error, self._make_snippet(each)))
                self.last = each
        except OutOfTimeError:
            return hits, len(hits) < limit
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return hits, len(hits) < limit
        self.is_at_end = True
        return hits, False

    def by_rank(self, after: SearchPosition | None) -> Iterator[_Found]:
        """Yield what is found, the best rank first."""
        first_rank = 0 if after is None else after.rank
        last_rank = max((each.last_rank for each in self._wanted), default=0)
        for rank in range(first_rank, last_rank + 1):
            place = None
            if after is not None and rank == after.rank:
                place = (after.last_seen_ms, after.id)
            yield from self._find("last_seen_ms", place, rank)

    def by_column(self, column: str, place: _Place | None) -> Iterator[_Found]:
        """Yield what is found, in the order of a column of the errors."""
        yield from self._find(column, place, _LAST_RANK, ranked=False)

    def _find(
        self, column: str, place: _Place | None, rank: int, *, ranked: bool = True
    ) -> Iterator[_Found]:
        """Yield the errors of that rank, with those of better ones unless they are ranked."""
        common = self._list_common(rank)
        if common:
            place = yield from self._look(column, place, rank, common, ranked=ranked)
            if place is None:
                return
        yield from self._look(column, place, rank, [], ranked=ranked)

    def _look(
        self,
        column: str,
        place: _Place | None,
        rank: int,
        common: Sequence[Matcher],
        *,
        ranked: bool,
    ) -> Generator[_Found, None, _Place | None]:
        """Yield the next errors as ``_find`` does, without asking the index of what is common.

        Returns the place behind which it is to be asked, as few of them are found, None at the end.
        """
        others = [each for each in self._wanted if each not in common]
        documents = self._documents(rank, others)
        if documents is None and common and self._is_common_unwanted():
            documents = self._take_off(frozenset(list_document_ids(self._connection)))
        better = self._better_documents(rank, ranked=ranked)
        most_rows = self._texts.rows_read + len(common) * self._common_rows // _PART_READ
        for error_id, document_id, value in self._walk(documents, column, place):
            self._texts.check_time()
            if common and self._texts.rows_read > most_rows:
                return place
            place = (value, error_id)
            if documents is not None and document_id not in documents:
                continue
            if document_id in better and self._holds(document_id, rank - 1, self._wanted):
                continue
            if not self._are_in_texts(document_id, rank, common):
                continue
            if self._holds(document_id, rank, others) and not self._is_unwanted(document_id):
                yield _Found(rank, value, error_id, document_id)
        return None

    def _is_common_unwanted(self) -> bool:
        return any(each.is_common(_LAST_RANK) for each in self._unwanted)

    def _list_common(self, rank: int) -> list[Matcher]:
        """Return the words that are better looked for in the texts than in the index."""
        return [each for each in self._wanted if each.is_common(rank)]

    def _documents(self, rank: int, matchers: Sequence[Matcher]) -> frozenset[int] | None:
        """Return the documents that may hold these up to that rank, None for all."""
        documents: frozenset[int] | None = None
        # The longest are mostly the rarest, and after one that nothing has no other is looked for.
        for each in sorted(matchers, key=lambda each: len(each.term.text), reverse=True):
            own = each.documents(rank)
            documents = own if documents is None else documents & own
            if not documents:
                return documents
        return None if documents is None else self._take_off(documents)

    def _take_off(self, documents: frozenset[int]) -> frozenset[int]:
        """Return the documents but for those that hold what is unwanted for sure.

        To do it at once pays: -production leaves few of thousands to look at.
        """
        for each in self._unwanted:
            documents -= each.sure_documents
        return documents

    def _better_documents(self, rank: int, *, ranked: bool) -> frozenset[int]:
        """Return the documents that may have been found at a better rank."""
        if not ranked or not rank:
            return frozenset()
        return self._documents(rank - 1, self._wanted) or frozenset()

    def _holds(self, document_id: int | None, rank: int, matchers: Sequence[Matcher]) -> bool:
        return all(document_id is not None and each.holds(document_id, rank) for each in matchers)

    def _are_in_texts(
        self, document_id: int | None, rank: int, matchers: Sequence[Matcher]
    ) -> bool:
        return all(
            document_id is not None and each.is_in_texts(document_id, rank) for each in matchers
        )

    def _is_unwanted(self, document_id: int | None) -> bool:
        return document_id is not None and any(
            each.holds(document_id, _LAST_RANK) for each in self._unwanted
        )

    def _walk(
        self, documents: frozenset[int] | None, column: str, place: _Place | None
    ) -> Iterator[tuple[int, int | None, int]]:
        """Yield (error id, document id, value of the column) of what passes the filters."""
        source = """
            project JOIN error ON error.project_id = project.id
            LEFT JOIN search_document AS document ON document.error_id = error.id
            """
        values: list[str | int] = []
        if documents is not None and len(documents) <= _MOST_SORTED:
            source = """
                json_each(?) AS candidate
                CROSS JOIN search_document AS document ON document.id = candidate.value
                CROSS JOIN error ON error.id = document.error_id
                CROSS JOIN project ON project.id = error.project_id
                """
            values.append(msgspec.json.encode([*documents]).decode())
        conditions = ["project.name IS NOT NULL", *self._conditions]
        values += self._values
        if place is not None:
            conditions.append(f"(error.{column}, error.id) < (?, ?)")
            values += place
        yield from self._connection.execute(
            f"""
            SELECT error.id, document.id, error.{column} FROM {source}
            WHERE {" AND ".join(conditions)} ORDER BY error.{column} DESC, error.id DESC
            """,
            values,
        )

    def _make_snippet(self, found: _Found) -> Snippet | None:
        if not self._wanted or found.document_id is None:
            return None
        passage = self._wanted[0].find(found.document_id, found.rank)
        if passage is None:
            return None
        wanted = [each.term.text for each in self._wanted]
        return Snippet(passage.kind, make_snippet(passage.text, wanted))


@contextlib.contextmanager
def _reading(connection: sqlite3.Connection, ends_at: float) -> Iterator[None]:
    """Let the block read one state of the database, and interrupt it when its time is up."""
    connection.set_progress_handler(lambda: time.monotonic() > ends_at, _CLOCK_INSTRUCTIONS)
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
        connection.execute("COMMIT")


def _make_conditions(query: Query) -> tuple[list[str], list[str | int]]:
    """Return what can be asked of the error's own row, as SQL with its values."""
    conditions: list[str] = []
    values: list[str | int] = []
    for group in query.filters:
        conditions.append("(" + " OR ".join(map(_make_comparison, group)) + ")")
        values += [each.value for each in group]
    return conditions, values


def _make_comparison(condition: Filter) -> str:
    column = "project.name" if condition.field == "project" else f"error.{condition.field}"
    return f"{column} {condition.comparison} ?"


def _notice(query: Query, is_cut: bool) -> str | None:
    notices = (query.notice, _CUT_NOTICE if is_cut else None)
    return "; ".join(each for each in notices if each) or None

"""Clients that report as fast as they are answered, and what must be in the store afterwards."""

import http.client
import itertools
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.dictionaries import list_dictionaries
from tests.reports import errors_path, make_entry

CLIENTS = 4
#: Entries of one report, which are stored together or not at all.
ENTRIES = 3
#: Nothing is thinned, so that everything that was acknowledged can be looked for.
KEEP_ALL = {"FAULTLINE_LITE_MAX_OCCURRENCES_PER_ERROR": "0"}
#: Errors that the reports are about.
MESSAGES = ("in the cart", "at the checkout", "while searching", "在庫がありません")

_numbers = itertools.count()


class Load:
    """What the clients have sent: the numbers of all reports, and of those answered by 201."""

    def __init__(self) -> None:
        self.sent: set[int] = set()
        self.acknowledged: set[int] = set()
        self.refusals: list[tuple[int, str | None]] = []
        self.stopping = threading.Event()

    def run(self, url: str) -> None:
        """Report on one connection until it breaks, or until ``stopping``."""
        target = urlsplit(url)
        assert target.hostname is not None
        connection = http.client.HTTPConnection(target.hostname, target.port, timeout=20)
        try:
            while not self.stopping.is_set():
                number = next(_numbers)
                self.sent.add(number)
                connection.request("POST", errors_path(), make_body(number))
                answer = connection.getresponse()
                answer.read()
                if answer.status == 201:
                    self.acknowledged.add(number)
                else:
                    self.refusals.append((answer.status, answer.getheader("Retry-After")))
        except (OSError, http.client.HTTPException):
            pass  # the server is gone
        finally:
            connection.close()


def make_body(number: int, filler: str = "") -> bytes:
    """Return a report whose entries carry its number in their params."""
    message = MESSAGES[number % len(MESSAGES)]
    entries = [make_entry(message, timestamp=None) for _ in range(ENTRIES)]
    return json.dumps({"errors": entries, "params": {"number": number, "filler": filler}}).encode()


@contextmanager
def running_load(url: str, load: Load) -> Iterator[None]:
    """Have CLIENTS report meanwhile; at the end each finishes what it is at."""
    load.stopping.clear()
    threads = [threading.Thread(target=load.run, args=(url,)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        load.stopping.set()
        for thread in threads:
            thread.join()


def read_stored(path: Path) -> Counter[int]:
    """Return the numbers of the stored reports, each as often as an entry of it is stored."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        codec = PayloadCodec()
        for dictionary_id, content in list_dictionaries(connection):
            codec.add_dictionary(dictionary_id, content)
        rows = connection.execute("SELECT dictionary_id, payload FROM occurrence").fetchall()
    return Counter(
        json.loads(codec.decompress(dictionary_id, payload))["params"]["number"]
        for dictionary_id, payload in rows
    )


def check_agreement(path: Path) -> None:
    """Check that every counter says what the occurrences say."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        errors = connection.execute(
            """
            SELECT error.count, error.kept, count(*), max(occurrence.count), count(DISTINCT
                occurrence.count), (SELECT sum(count) FROM timeline WHERE error_id = error.id)
            FROM error JOIN occurrence ON occurrence.error_id = error.id GROUP BY error.id
            """
        ).fetchall()
        (orphans,) = connection.execute(
            """
            SELECT count(*) FROM error WHERE NOT EXISTS (
                SELECT 1 FROM occurrence WHERE error_id = error.id
            )
            """
        ).fetchone()
        minutes = connection.execute(
            """
            SELECT error_id, minute, count FROM timeline ORDER BY error_id, minute
            """
        ).fetchall()
        counted = connection.execute(
            """
            SELECT error_id, timestamp_ms / 60000, count(*) FROM occurrence
            GROUP BY error_id, timestamp_ms / 60000 ORDER BY 1, 2
            """
        ).fetchall()
        seconds = connection.execute(
            """
            SELECT count(*), max(ordinal), count(DISTINCT ordinal) FROM occurrence
            GROUP BY error_id, second
            """
        ).fetchall()

    assert all(len(set(numbers)) == 1 for numbers in errors)
    assert orphans == 0
    assert minutes == counted
    assert all(len(set(numbers)) == 1 for numbers in seconds)


def check_everything_is_there(path: Path, load: Load) -> None:
    stored = read_stored(path)

    assert load.acknowledged <= set(stored), "an acknowledged report is lost"
    assert set(stored) <= load.sent
    assert set(stored.values()) <= {ENTRIES}, "a report is half there, or twice"
    check_agreement(path)

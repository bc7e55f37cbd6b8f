"""Clients that report as fast as they are answered, and remember what was acknowledged."""

import http.client
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.reports import errors_path, make_entry

CLIENTS = 4
#: Entries of one report, which are stored together or not at all.
ENTRIES = 3
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

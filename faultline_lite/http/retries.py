"""Try a failed delivery again, because somebody asks for it."""

import sqlite3

from faultline_lite.exceptions import BadRequestError, NotFoundError, Problem
from faultline_lite.http.services import Services
from faultline_lite.sentences import Sentence, say
from faultline_lite.store.deliveries import retry_delivery
from faultline_lite.store.delivery_history import Delivery, get_delivery

#: SQLite's row ids are 64-bit integers.
MAX_ID = 2**63 - 1


async def try_again(services: Services, delivery_id: str) -> Delivery:
    """Make the delivery of that id, as text, due now, as if it were new; return it as it is then.

    Raises NotFoundError, and BadRequestError where it has not failed or cannot be sent at all.
    """
    number = _read_id(delivery_id)
    now_ms = services.clock.now_ms()

    def write(connection: sqlite3.Connection) -> tuple[bytes | None, Delivery | None]:
        identity = retry_delivery(connection, number, now_ms)
        return identity, get_delivery(connection, number)

    identity, delivery = await services.database.write(write)
    if delivery is None:
        raise _no_delivery()
    if identity is None:
        raise BadRequestError(Problem(_why_not(delivery), ("id",)))
    services.outbox.wake([identity])
    return delivery


def _read_id(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID))
    if not is_number or int(text) > MAX_ID:
        raise _no_delivery()
    return int(text)


def _why_not(delivery: Delivery) -> Sentence:
    if delivery.state != "failed":
        return say("the delivery has not failed: it is {state}", state=delivery.state)
    return say("its config was refused: there is nowhere to send it to")


def _no_delivery() -> NotFoundError:
    return NotFoundError(Problem(say("there is no such delivery")))

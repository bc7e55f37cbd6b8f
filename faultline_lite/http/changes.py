"""Change errors, one or many, and all that follows from it: channels, erasing, the live tail."""

import sqlite3
from collections.abc import Sequence

import msgspec

from faultline_lite.http.addresses import find_error
from faultline_lite.http.services import Services
from faultline_lite.models import Error, Status
from faultline_lite.store.errors import (
    ErrorAddress,
    delete_error,
    get_error,
    update_muted,
    update_status,
)


class Change(msgspec.Struct, frozen=True):
    """What to change; None leaves it as it is.

    ``until_count`` is how many more occurrences a mute lasts, ``until_ms`` until when.
    """

    status: Status | None = None
    muted: bool | None = None
    until_ms: int | None = None
    until_count: int | None = None


async def change_error(services: Services, address: ErrorAddress, change: Change) -> Error:
    """Change an error and return it as it is then. Raises NotFoundError."""

    def write(connection: sqlite3.Connection) -> tuple[Error, list[bytes]]:
        error = find_error(connection, address)
        due = _apply(connection, error, change, services.clock.now_ms())
        return find_error(connection, address), due

    error, due = await services.database.write(write)
    services.outbox.wake(due)
    services.live.publish(error.project, [error.id])
    return error


async def change_errors(
    services: Services, addresses: Sequence[ErrorAddress], change: Change
) -> int:
    """Change all of the errors that are there, at once, and return how many these were."""

    def write(connection: sqlite3.Connection) -> tuple[list[Error], list[bytes]]:
        errors = _find(connection, addresses)
        now_ms = services.clock.now_ms()
        due = [each for error in errors for each in _apply(connection, error, change, now_ms)]
        return errors, due

    errors, due = await services.database.write(write)
    services.outbox.wake(due)
    _publish(services, errors)
    return len(errors)


async def delete_errors(services: Services, addresses: Sequence[ErrorAddress]) -> int:
    """Delete all of the errors that are there, at once, and return how many these were."""

    def write(connection: sqlite3.Connection) -> list[Error]:
        errors = _find(connection, addresses)
        for error in errors:
            delete_error(connection, error.id)
        return errors

    errors = await services.database.write(write)
    services.scheduler.wake("erase")
    _publish(services, errors)
    return len(errors)


def _find(connection: sqlite3.Connection, addresses: Sequence[ErrorAddress]) -> list[Error]:
    found = (get_error(connection, address) for address in addresses)
    # Two addresses may lead to one error.
    return list({error.id: error for error in found if error is not None}.values())


def _apply(
    connection: sqlite3.Connection, error: Error, change: Change, now_ms: int
) -> list[bytes]:
    """Write the change; return the identities of the channels that something becomes due to."""
    due: list[bytes] = []
    if change.status is not None:
        due = update_status(connection, error.id, change.status, now_ms)
    if change.muted is not None:
        update_muted(
            connection,
            error.id,
            muted=change.muted,
            until_ms=change.until_ms,
            until_count=change.until_count,
        )
    return due


def _publish(services: Services, errors: Sequence[Error]) -> None:
    for error in errors:
        services.live.publish(error.project, [error.id])

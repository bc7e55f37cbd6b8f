"""What an operator asks of a running server: to let go now, and a copy of the database."""

import asyncio
import secrets
import sqlite3
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.copies import copy_database, unsent_copy
from faultline_lite.database_file import quick_check
from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.http.parameters import get_choice
from faultline_lite.http.services import services_of
from faultline_lite.sentences import Sentence

BACKUP_MEDIA_TYPE = "application/vnd.sqlite3"


async def prune(request: Request) -> Response:
    """Run retention now and say what it let go; or only say what would go."""
    retention = services_of(request).retention
    is_dry = get_choice(request, "dryRun", ("true", "false")) == "true"
    freed = await (retention.forecast() if is_dry else retention.run())
    return JsonAnswer(
        {
            "data": {
                "occurrences": freed.occurrences,
                "errors": freed.errors,
                "payloadBytes": freed.payload_bytes,
                "reasons": freed.reasons,
            }
        }
    )


async def backup(request: Request) -> Response:
    """Send a verified copy of the database as of one moment; the server goes on meanwhile.

    Where the disk has no room for it beside what is kept free, none is made.
    """
    services = services_of(request)
    database = services.database
    if request.method == "HEAD":
        # How long the copy would be is known only once it is made.
        return StreamingResponse(iter(()), media_type=BACKUP_MEDIA_TYPE)
    # Beside the database, since a temporary directory may be memory, or too small.
    copy = unsent_copy(database.path, secrets.token_hex(4))
    try:
        problems = await database.maintain(_copy_and_check, copy, services.config.min_free_bytes)
    except (sqlite3.Error, OSError) as error:
        copy.unlink(missing_ok=True)
        raise DatabaseUnavailableError(Sentence(f"no copy could be made: {error}"), 60) from error
    if problems:
        copy.unlink()
        raise DatabaseUnavailableError(Sentence(f"the copy is not sound: {problems[0]}"), 60)
    return FileResponse(
        copy,
        media_type=BACKUP_MEDIA_TYPE,
        filename=database.path.name,
        background=BackgroundTask(asyncio.to_thread, copy.unlink),
    )


def _copy_and_check(connection: sqlite3.Connection, target: Path, min_free_bytes: int) -> list[str]:
    # One thread makes the copies one after the other: each finds the room that those before left.
    copy_database(connection, target, min_free_bytes)
    return quick_check(target)

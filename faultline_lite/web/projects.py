"""The projects, or on an empty server the first steps."""

import sqlite3

from starlette.responses import Response

from faultline_lite.store.projects import list_projects
from faultline_lite.web.visits import Values, Visit


async def show_projects(visit: Visit) -> Response:
    """Show the projects by name."""

    def read(connection: sqlite3.Connection) -> Values:
        return {"projects": list_projects(connection)}

    return await visit.show("projects.html", read)

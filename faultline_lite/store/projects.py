"""Projects: they exist from their first report until they are deleted.

Of very many, those that nothing is in any more go by themselves (``retention``).
"""

import sqlite3

from faultline_lite.models import ProjectSummary


def get_project_id(connection: sqlite3.Connection, name: str) -> int | None:
    """Return the id of the project of that name, None where there is none."""
    row = connection.execute("SELECT id FROM project WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def list_projects(connection: sqlite3.Connection) -> list[ProjectSummary]:
    """Return all projects by name, with totals over their errors."""
    rows = connection.execute(
        """
        SELECT project.id, project.name, coalesce(sum(error.count), 0),
            coalesce(sum(error.status = 'unresolved'), 0),
            coalesce(max(error.last_updated_ms), project.created_ms)
        FROM project LEFT JOIN error INDEXED BY error_by_update ON error.project_id = project.id
        WHERE project.name IS NOT NULL
        GROUP BY project.id ORDER BY project.name
        """
    )
    return [ProjectSummary(*row) for row in rows]


def delete_project(connection: sqlite3.Connection, name: str) -> None:
    """Delete the project at once for every reader; retention erases what was in it."""
    connection.execute("UPDATE project SET name = NULL WHERE name = ?", (name,))

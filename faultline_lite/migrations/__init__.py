"""The schema, as an append-only list of migrations that sqlite-utils applies and records by name.

A migration that has been released is never edited: a change is a new function at the end of the
list, in the module of its topic. Times are epoch milliseconds unless the name says otherwise.
"""

from sqlite_utils import Migrations

from faultline_lite.migrations import (
    census,
    core,
    notifications,
    regroup,
    search,
    sessions,
    timelines,
)

#: In the order in which they are applied.
_ALL = (
    core.create_core,
    notifications.create_notifications,
    timelines.roll_up_timelines,
    search.create_search,
    census.create_census,
    regroup.create_regroup,
    sessions.create_ended_sessions,
)

migrations = Migrations("faultline-lite")
for function in _ALL:
    migrations()(function)

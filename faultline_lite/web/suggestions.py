"""Values to choose from in a list's filters: those of the errors that are listed."""

import sqlite3
from collections.abc import Sequence

from faultline_lite.facets import Facet, name_facets
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.occurrences import list_latest_payloads
from faultline_lite.store.search import Hit

#: A list to choose from that is longer is searched by typing anyway.
MAX_VALUES = 50
#: Longer ones are none to choose from.
MAX_CHARACTERS = 80


_FACETS: tuple[Facet, ...] = ("environment", "version")


def suggest(
    connection: sqlite3.Connection, codec: PayloadCodec, hits: Sequence[Hit]
) -> dict[str, list[str]]:
    """Return by the name of each filter the values that the listed errors have, in order."""
    found: dict[str, set[str]] = {
        "type": {hit.error.type for hit in hits},
        "environment": set(),
        "version": set(),
    }
    ids = [hit.error.id for hit in hits]
    for payload in list_latest_payloads(connection, codec, ids):
        facets = name_facets(payload)
        for facet in _FACETS:
            if facet in facets:
                found[facet].add(facets[facet])
    return {
        name: sorted(value for value in values if len(value) <= MAX_CHARACTERS)[:MAX_VALUES]
        for name, values in found.items()
    }

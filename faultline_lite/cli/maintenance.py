"""Commands with which an operator has a running server put its store in order."""

import click

from faultline_lite.cli.answers import Freed
from faultline_lite.cli.client import Client
from faultline_lite.cli.connected import connected, json_option
from faultline_lite.cli.output import json_text, print_table

#: Letting go of millions of occurrences takes its time.
TIMEOUT_SECONDS = 3600.0

#: Why occurrences go, as the API names it.
_REASONS = {
    "deleted": "deleted by hand",
    "age": "older than retention_days",
    "count": "over max_occurrences_per_error",
    "project": "over max_occurrences_per_project",
    "size": "over max_db_bytes, or for the disk",
}


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
@connected()
def prune(client: Client, dry_run: bool, as_json: bool) -> None:
    """Run retention now, instead of waiting for its turn."""
    path = "/v0/prune?dryRun=true" if dry_run else "/v0/prune"
    freed = client.send("POST", path, Freed, timeout=TIMEOUT_SECONDS)["data"]
    if as_json:
        click.echo(json_text(freed))
        return
    beginning, about = ("would let go", "about ") if dry_run else ("let go", "")
    click.echo(
        f"{beginning} {freed['occurrences']} occurrence(s) and {freed['errors']} error(s), "
        f"{about}{freed['payloadBytes']} bytes of reports"
    )
    reasons = freed.get("reasons")
    if reasons:
        rows = [(_REASONS.get(reason, reason), count) for reason, count in reasons.items()]
        print_table(("why", "occurrences"), rows)


COMMANDS = (prune,)

"""Commands with which an operator has a running server put its store in order."""

import time

import click

from faultline_lite.cli.answers import Freed, PlanResult, RegroupShown
from faultline_lite.cli.client import Client, ServerError
from faultline_lite.cli.connected import connected, json_option
from faultline_lite.cli.output import json_text, print_table

#: Letting go of millions of occurrences takes its time.
TIMEOUT_SECONDS = 3600.0
#: Between two looks at how far the server is.
POLL_SECONDS = 0.5

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


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would merge and split.")
@click.option("--undo", is_flag=True, help="Undo the last regrouping.")
@json_option
@connected()
def regroup(client: Client, dry_run: bool, undo: bool, as_json: bool) -> None:
    """Group the errors that are there by the rule in force.

    That is after `grouping` has changed, or with a version that groups in another way. The server
    goes on meanwhile, and goes on with it when this command is stopped.
    """
    if dry_run and undo:
        raise click.UsageError("give either --dry-run or --undo")
    action = "plan" if dry_run else "undo" if undo else "apply"
    client.send("POST", "/v0/regroup", RegroupShown, json={"action": action})
    part = "plan" if dry_run else "regroup"
    while (shown := client.get("/v0/regroup", RegroupShown)[part])["state"] == "running":
        time.sleep(POLL_SECONDS)
    if as_json:
        click.echo(json_text(shown))
    elif shown["state"] == "done" and dry_run:
        _print_plan(shown["result"])
    elif shown["state"] == "done" and undo:
        steps = shown["moved"]
        click.echo(f"undone, {steps} step(s)" if steps else "there was nothing to undo")
    elif shown["state"] == "done":
        click.echo(
            f"merged {shown['merged']} error(s) into others, made {shown['created']}, "
            f"moved {shown['moved']} occurrence(s)"
        )
    if shown["state"] != "done":
        raise ServerError(f"it has stopped: {shown.get('problem', 'the log says why')}")


def _print_plan(plan: PlanResult) -> None:
    if not plan["before"] and not plan["renamed"]:
        click.echo("nothing would change")
        return
    reopened = plan["reopened"]
    also = f"; {reopened} resolved one(s) would reopen" if reopened else ""
    click.echo(f"{plan['before']} error(s) become {plan['after']}{also}")
    if plan["renamed"]:
        click.echo(f"{plan['renamed']} other(s) stay as they are, under another key")
    for heading, examples in (("become one", plan["merges"]), ("becomes", plan["splits"])):
        if examples:
            click.echo()
            rows = [(each["errors"], each["project"], each["message"]) for each in examples]
            print_table((heading, "project", "message"), rows)


COMMANDS = (prune, regroup)

"""The command that searches."""

import re

import click

from faultline_lite.cli.answers import FoundError, SearchPage
from faultline_lite.cli.arguments import HyphenCommand
from faultline_lite.cli.client import Client
from faultline_lite.cli.connected import connected, json_option, limit_option
from faultline_lite.cli.output import json_text, print_more, printable

#: What the server gives at once.
HITS_PER_PAGE = 100
#: All options of the command but -h begin with two hyphens.
_LEFT_OUT = re.compile(r"-(?!h\Z)[^-].*", re.DOTALL)


@click.command(cls=HyphenCommand, arguments=_LEFT_OUT)
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@click.option("--project", help="Only errors of this project.")
@limit_option(HITS_PER_PAGE, 20, "Errors to show.")
@json_option
@connected()
def search(
    client: Client, query: tuple[str, ...], project: str | None, limit: int, as_json: bool
) -> None:
    """Find errors by any part of their texts, best match first.

    QUERY is words, all of which are found, and '"exact phrases"'; -word leaves errors with it out.
    Filters: type:, file:, function:, environment:, release:, project:, status:resolved,
    'count:>10', after:2026-01-31 and before:7d.
    """
    page = client.get("/v0/search", SearchPage, q=" ".join(query), project=project, limit=limit)
    if as_json:
        click.echo(json_text(page["errors"]))
    else:
        for error in page["errors"]:
            _print_error(error)
        if not page["errors"]:
            click.echo("nothing found", err=True)
    if page.get("notice"):
        click.echo(printable(str(page["notice"])), err=True)
    if page.get("nextCursor") is not None:
        print_more(len(page["errors"]), HITS_PER_PAGE)


COMMANDS = (search,)


def _print_error(error: FoundError) -> None:
    click.echo(f"{printable(error['project'])}: {printable(error['message'])}")
    click.echo(
        f"    {printable(error['type'])}, {printable(error['status'])}, {error['count']} time(s), "
        f"last {printable(error['lastUpdated'])}"
    )
    snippet = error.get("snippet")
    if snippet is not None:
        shown = "".join(
            click.style(printable(part["text"]), bold=True)
            if part["matched"]
            else printable(part["text"])
            for part in snippet["parts"]
        )
        click.echo(f"    {printable(snippet['field'])}: {shown}")

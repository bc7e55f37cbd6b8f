"""Commands that talk to a server that runs, over its HTTP API."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from faultline_lite.cli.answers import (
    ErrorChanged,
    ErrorPage,
    ErrorShown,
    OccurrencePage,
    Posted,
    ProjectPage,
)
from faultline_lite.cli.client import ERRORS_PER_PAGE, Client, ServerError, path_of
from faultline_lite.cli.connected import connected, json_option, limit_option
from faultline_lite.cli.output import (
    Moment,
    json_line,
    json_text,
    print_more,
    print_table,
    printable,
)
from faultline_lite.config import Config
from faultline_lite.copies import check_room
from faultline_lite.database_file import quick_check
from faultline_lite.exceptions import DatabaseUnusableError
from faultline_lite.private_files import open_private_file

T = TypeVar("T")

NOT_FOUND = 404


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--project", required=True, help="Project to report to.")
@click.option("--message", help="Report this message instead of a file.")
@click.option("--type", "type_", help="Type of the error, with --message.")
@json_option
@connected(reports=True)
def send(
    client: Client,
    file: Any,
    project: str,
    message: str | None,
    type_: str | None,
    as_json: bool,
) -> None:
    """Post a report from FILE, or a plain --message.

    FILE is in the API's own shape; - reads standard input.
    """
    if (file is None) == (message is None):
        raise click.UsageError("give either FILE or --message")
    if file is not None and type_ is not None:
        raise click.UsageError("--type goes with --message; a FILE has the types in it")
    if message is None:
        body = file.read()
    else:
        entry = {"message": message, "type": type_}
        body = json.dumps({"errors": [entry]}).encode()
    answer = client.send("POST", path_of(project, "errors"), Posted, content=body)
    if as_json:
        _print_json(answer)
        return
    count = answer["data"]["errors"]["postCount"]
    click.echo(f"stored {count} occurrence(s); the first is {printable(str(answer.get('id')))}")
    for warning in answer.get("warnings") or ():
        click.echo(f"warning: {printable(str(warning))}", err=True)


@click.command()
@json_option
@connected()
def projects(client: Client, as_json: bool) -> None:
    """List the projects."""
    listed = client.get("/v0/projects", ProjectPage)["projects"]
    if as_json:
        _print_json(listed)
        return
    headings = ("project", "unresolved", "occurrences", "last updated")
    rows = [
        (each["name"], each["unresolvedCount"], each["count"], Moment(each["lastUpdated"]))
        for each in listed
    ]
    print_table(headings, rows)


@click.command()
@click.argument("project")
@click.option("--status", type=click.Choice(["unresolved", "resolved"]), help="Only these.")
@click.option(
    "--sort",
    type=click.Choice(["lastUpdated", "count", "firstSeen"]),
    help="What the latest, or the most, of comes first.  [default: lastUpdated]",
)
@limit_option(ERRORS_PER_PAGE, 50, "Errors to list.")
@json_option
@connected()
def errors(
    client: Client,
    project: str,
    status: str | None,
    sort: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the errors of PROJECT."""
    path = path_of(project, "errors")
    listed = client.get(path, ErrorPage, status=status, sort=sort, limit=limit)
    if as_json:
        _print_json(listed["errors"])
        return
    headings = ("message", "type", "status", "count", "first seen", "last updated")
    rows = [
        (
            *(each[field] for field in ("message", "type", "status", "count")),
            *(Moment(each[field]) for field in ("firstSeen", "lastUpdated")),
        )
        for each in listed["errors"]
    ]
    print_table(headings, rows)
    if listed.get("nextCursor") is not None:
        print_more(limit, ERRORS_PER_PAGE)


@click.command()
@click.argument("project")
@click.argument("message")
@click.option(
    "--occurrences",
    "limit",
    type=click.IntRange(0, 1000),
    default=10,
    show_default=True,
    help="Latest occurrences to list.",
)
@json_option
@connected()
def show(client: Client, project: str, message: str, limit: int, as_json: bool) -> None:
    """Show the error of PROJECT that MESSAGE belongs to."""
    path = path_of(project, "errors", message)
    found = client.get(path, ErrorShown)
    listed = []
    if limit:
        listed = client.get(f"{path}/occurrences", OccurrencePage, limit=limit)["errors"]
    if as_json:
        _print_json({**found, "occurrences": listed})
        return
    summary = found["summary"]
    for name in ("message", "type", "status", "count", "firstSeen", "lastUpdated"):
        click.echo(f"{name + ':':<13}{printable(str(summary[name]))}")
    click.echo()
    frames = found["error"].get("backtrace") or ()
    for frame in frames:
        place = f"{frame.get('file') or '?'}:{frame.get('line') or '?'}"
        click.echo(f"  {printable(place)}  {printable(frame.get('function') or '')}".rstrip())
    if frames:
        click.echo()
    print_table(
        ("occurrence", "time", "message"),
        [[each["reversedUnixtime"], each["timestamp"], each["message"]] for each in listed],
    )


@click.command()
@click.argument("project")
@click.argument("messages", nargs=-1, required=True, metavar="MESSAGE...")
@click.option("--reopen", is_flag=True, help="Set them back to unresolved.")
@json_option
@connected()
def resolve(
    client: Client, project: str, messages: tuple[str, ...], reopen: bool, as_json: bool
) -> None:
    """Resolve errors of PROJECT."""
    status = "unresolved" if reopen else "resolved"
    changed, refused = [], False
    for message in messages:
        path = path_of(project, "errors", message)
        try:
            answer = client.send("PATCH", path, ErrorChanged, json={"status": status})
        except ServerError as error:
            # One that is gone does not keep the others from it; the rest would fail alike.
            if error.status != NOT_FOUND:
                raise
            refused = True
            click.echo(f"Error: {printable(f'{message}: {error}')}", err=True)
        else:
            changed.append(answer["data"]["error"])
            if not as_json:
                click.echo(f"{status}: {printable(changed[-1]['message'])}")
    if as_json:
        _print_json(changed)
    if refused:
        sys.exit(1)


@click.command()
@click.argument("project")
@click.argument("message", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@connected()
def delete(client: Client, project: str, message: str | None, yes: bool, as_json: bool) -> None:
    """Delete the error that MESSAGE belongs to, or a whole PROJECT."""
    what = f"the project {project}" if message is None else f"the error {message!r} of {project}"
    if not yes:
        # The first line of whatever is piped in is nobody's consent.
        if not sys.stdin.isatty():
            raise click.UsageError("nobody is there to confirm it: --yes deletes without asking")
        click.confirm(f"Delete {printable(what)} and all its occurrences?", abort=True)
    segments = () if message is None else ("errors", message)
    client.delete(path_of(project, *segments))
    if as_json:
        _print_json({"deleted": {"project": project, "message": message}})
    else:
        click.echo(f"deleted {printable(what)}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@json_option
@connected()
def backup(client: Client, file: Path, force: bool, as_json: bool) -> None:
    """Write a verified copy of the server's database to FILE.

    The server goes on meanwhile.
    """
    _refuse_existing(file, force)
    with client.stream("/v0/backup") as response, open_private_file(file, replace=force) as draft:
        size_bytes = int(response.headers.get("Content-Length", 0))
        check_room(file.parent, size_bytes, _kept_free_bytes(client.config, file.parent))
        for part in response.iter_bytes():
            draft.write(part)
        draft.flush()
        try:
            problems = quick_check(Path(draft.name))
        except DatabaseUnusableError:
            problems = ["it is no database of this version of faultline-lite"]
        if problems:
            raise ServerError(f"the copy is not sound: {problems[0]}")
    size_bytes = file.stat().st_size
    if as_json:
        _print_json({"file": str(file), "bytes": size_bytes})
    else:
        click.echo(f"wrote {file}, {size_bytes} bytes, checked")


@click.command()
@click.argument("project", required=False)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default="-",
    help="File to write; it appears once all is written.  [default: standard output]",
)
@click.option("--force", is_flag=True, help="Replace the file where it exists.")
@connected()
def export(client: Client, project: str | None, output: Path, force: bool) -> None:
    """Write every kept occurrence as a line of JSON.

    Those of PROJECT, or of all projects.
    """
    lines = _export_lines(client, project)
    if str(output) == "-":
        for line in lines:
            click.echo(line)
        return
    _refuse_existing(output, force)
    with open_private_file(output, replace=force) as file:
        file.writelines(f"{line}\n".encode() for line in lines)


def _kept_free_bytes(config: Config | None, folder: Path) -> int:
    """Return what must stay free on the disk of that folder: on the server's own, its limit."""
    if config is None or not config.db.exists():
        return 0
    is_its_disk = config.db.stat().st_dev == folder.stat().st_dev
    return config.min_free_bytes if is_its_disk else 0


COMMANDS = (send, projects, errors, show, resolve, delete, backup, export)


def _refuse_existing(file: Path, force: bool) -> None:
    if file.exists() and not file.is_file():
        # /dev/null would be replaced by a file, for everybody.
        raise click.UsageError(f"{file} is no regular file")
    if not file.parent.is_dir():
        raise click.UsageError(f"there is no folder {file.parent}")
    if file.exists() and not force:
        raise click.UsageError(f"{file} exists already (--force replaces it)")


def _export_lines(client: Client, project: str | None) -> Iterator[str]:
    if project is not None:
        yield from _export_project(client, project)
        return
    for each in client.get("/v0/projects", ProjectPage)["projects"]:
        yield from _unless_gone(_export_project(client, each["name"]))


def _export_project(client: Client, project: str) -> Iterator[str]:
    # In the order of their first occurrence, which no later one changes: none is missed.
    for error in client.list_errors(project, sort="firstSeen"):
        for occurrence in _unless_gone(client.list_raw_occurrences(project, error)):
            yield json_line(occurrence)


def _unless_gone(items: Iterator[T]) -> Iterator[T]:
    """Yield the items, and end where what they belong to has been deleted meanwhile."""
    try:
        yield from items
    except ServerError as refusal:
        if refusal.status != NOT_FOUND:
            raise


def _print_json(value: Any) -> None:
    click.echo(json_text(value))

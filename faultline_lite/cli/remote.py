"""Commands that talk to a server that runs, over its HTTP API."""

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import click

from faultline_lite.cli.client import Client, ServerError, make_client, path_of
from faultline_lite.cli.output import print_table, printable
from faultline_lite.cli.settings import config_option, load_settings
from faultline_lite.database_file import quick_check

NOT_FOUND = 404


def _remote(*, reports: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command its ``client`` and the options that lead to it; a refusal is exit code 1."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @config_option
        @click.option("--url", envvar="FAULTLINE_LITE_URL", help="Server to talk to.")
        @click.option("--api-key", envvar="FAULTLINE_LITE_API_KEY", help="Key to talk with.")
        @functools.wraps(command)
        def run(
            *args: Any, config_file: Path | None, url: str | None, api_key: str | None, **rest: Any
        ) -> None:
            client = make_client(load_settings(config_file), url, api_key, reports=reports)
            try:
                command(client, *args, **rest)
            except ServerError as error:
                click.echo(f"Error: {printable(str(error))}", err=True)
                sys.exit(1)

        return run

    return decorate


_json_option = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--project", required=True, help="Project to report to.")
@click.option("--message", help="Report this message instead of a file.")
@click.option("--type", "type_", help="Type of the error, with --message.")
@_json_option
@_remote(reports=True)
def send(
    client: Client,
    file: Any,
    project: str,
    message: str | None,
    type_: str | None,
    as_json: bool,
) -> None:
    """Post a report: FILE in the API's own shape (- reads standard input), or --message."""
    if (file is None) == (message is None):
        raise click.UsageError("give either FILE or --message")
    if message is None:
        body = file.read()
    else:
        entry = {"message": message, "type": type_}
        body = json.dumps({"errors": [entry]}).encode()
    answer = client.send("POST", path_of(project, "errors"), content=body)
    if as_json:
        _print_json(answer)
        return
    count = answer["data"]["errors"]["postCount"]
    click.echo(f"stored {count} occurrence(s); the first is {answer['id']}")
    for warning in answer["warnings"]:
        click.echo(f"warning: {printable(warning)}", err=True)


@click.command()
@_json_option
@_remote()
def projects(client: Client, as_json: bool) -> None:
    """List the projects."""
    listed = client.get("/v0/projects")["projects"]
    if as_json:
        _print_json(listed)
        return
    headings = ("project", "unresolved", "occurrences", "last updated")
    fields = ("name", "unresolvedCount", "count", "lastUpdated")
    print_table(headings, [[each[field] for field in fields] for each in listed])


@click.command()
@click.argument("project")
@click.option("--status", type=click.Choice(["unresolved", "resolved"]))
@click.option("--sort", type=click.Choice(["lastUpdated", "count", "firstSeen"]))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@_json_option
@_remote()
def errors(
    client: Client,
    project: str,
    status: str | None,
    sort: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the errors of PROJECT."""
    listed = client.get(path_of(project, "errors"), status=status, sort=sort, limit=limit)
    if as_json:
        _print_json(listed["errors"])
        return
    headings = ("message", "type", "status", "count", "first seen", "last updated")
    fields = ("message", "type", "status", "count", "firstSeen", "lastUpdated")
    print_table(headings, [[each[field] for field in fields] for each in listed["errors"]])


@click.command()
@click.argument("project")
@click.argument("message")
@click.option("--occurrences", "limit", type=click.IntRange(0, 1000), default=10, show_default=True)
@_json_option
@_remote()
def show(client: Client, project: str, message: str, limit: int, as_json: bool) -> None:
    """Show the error of PROJECT that MESSAGE belongs to."""
    path = path_of(project, "errors", message)
    found = client.get(path)
    listed = client.get(f"{path}/occurrences", limit=limit)["errors"] if limit else []
    if as_json:
        _print_json({**found, "occurrences": listed})
        return
    summary = found["summary"]
    for name in ("message", "type", "status", "count", "firstSeen", "lastUpdated"):
        click.echo(f"{name + ':':<13}{printable(str(summary[name]))}")
    click.echo()
    for frame in found["error"].get("backtrace") or ():
        place = f"{frame.get('file') or '?'}:{frame.get('line') or '?'}"
        click.echo(f"  {printable(place)}  {printable(frame.get('function') or '')}".rstrip())
    click.echo()
    print_table(
        ("occurrence", "time", "message"),
        [[each["reversedUnixtime"], each["timestamp"], each["message"]] for each in listed],
    )


@click.command()
@click.argument("project")
@click.argument("messages", nargs=-1, required=True, metavar="MESSAGE...")
@click.option("--reopen", is_flag=True, help="Set them back to unresolved.")
@_json_option
@_remote()
def resolve(
    client: Client, project: str, messages: tuple[str, ...], reopen: bool, as_json: bool
) -> None:
    """Resolve errors of PROJECT."""
    status = "unresolved" if reopen else "resolved"
    changed = [
        client.send("PATCH", path_of(project, "errors", message), json={"status": status})
        for message in messages
    ]
    if as_json:
        _print_json([answer["data"]["error"] for answer in changed])
        return
    for answer in changed:
        click.echo(f"{status}: {printable(answer['data']['error']['message'])}")


@click.command()
@click.argument("project")
@click.argument("message", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_remote()
def delete(client: Client, project: str, message: str | None, yes: bool) -> None:
    """Delete the error of PROJECT that MESSAGE belongs to, or the whole PROJECT."""
    what = f"the project {project}" if message is None else f"the error {message!r} of {project}"
    if not yes:
        click.confirm(f"Delete {printable(what)} and all its occurrences?", abort=True)
    segments = () if message is None else ("errors", message)
    client.send("DELETE", path_of(project, *segments))
    click.echo(f"deleted {printable(what)}")


@click.command()
@_json_option
@_remote()
def prune(client: Client, as_json: bool) -> None:
    """Run retention now, instead of waiting for its turn."""
    freed = client.send("POST", "/v0/prune")["data"]
    if as_json:
        _print_json(freed)
        return
    click.echo(
        f"let go {freed['occurrences']} occurrence(s) and {freed['errors']} error(s), "
        f"{freed['payloadBytes']} bytes of reports"
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@_remote()
def backup(client: Client, file: Path, force: bool) -> None:
    """Write a verified copy of the server's database to FILE; the server goes on meanwhile."""
    if file.exists() and not force:
        raise click.UsageError(f"{file} exists already (--force replaces it)")
    draft = file.with_name(f"{file.name}.part")
    draft.unlink(missing_ok=True)
    try:
        with client.stream("/v0/backup") as response:
            descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "wb") as written:
                for part in response.iter_bytes():
                    written.write(part)
                written.flush()
                os.fsync(written.fileno())
        problems = quick_check(draft)
        if problems:
            raise ServerError(f"the copy is not sound: {problems[0]}")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    click.echo(f"wrote {file}, {file.stat().st_size} bytes, checked")


@click.command()
@click.argument("project", required=False)
@click.option("--output", type=click.File("w", encoding="utf-8"), default="-", help="File.")
@_remote()
def export(client: Client, project: str | None, output: TextIO) -> None:
    """Write every kept occurrence, of PROJECT or of all, as a line of JSON."""
    names = (
        [project] if project else [each["name"] for each in client.get("/v0/projects")["projects"]]
    )
    for name in names:
        for error in client.list_errors(name, sort="firstSeen"):
            output.writelines(
                json.dumps(occurrence, ensure_ascii=False) + "\n"
                for occurrence in _occurrences(client, name, error)
            )


COMMANDS = (send, projects, errors, show, resolve, delete, prune, backup, export)


def _occurrences(client: Client, project: str, error: Any) -> Iterator[Any]:
    try:
        yield from client.list_occurrences(project, error)
    except ServerError as refusal:
        # It was deleted meanwhile.
        if refusal.status != NOT_FOUND:
            raise


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))

import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest

from faultline_lite.sealedbox import create_key_file
from tests.fakes import FakeClock
from tests.reports import PROJECT, errors_path, make_report
from tests.servers import running_server, wait_until
from tests.web.visiting import find_token

SECRET = "to-be-concealed"

_numbers = itertools.count()


def hook(type_: str = "webhook", **fields: Any) -> dict[str, Any]:
    """Return a config for a channel of its own: nothing may be connected to there, so it fails."""
    return {"type": type_, "endpoint": f"https://127.0.0.1:9/{SECRET}/{next(_numbers)}", **fields}


def post(client: httpx.Client, project: str, *configs: Any, message: str = "oops") -> str:
    """Report one occurrence and return its reversedUnixtime."""
    report = make_report(message, notifications=list(configs))
    answer = client.post(errors_path(project), json=report)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def wait_for_failures(client: httpx.Client, project: str, count: int) -> list[dict[str, Any]]:
    """Return the project's failed deliveries once there are so many."""

    def failed() -> list[dict[str, Any]]:
        query = {"project": project, "state": "failed", "limit": "200"}
        found: list[dict[str, Any]] = client.get("/v0/deliveries", params=query).json()["data"][
            "deliveries"
        ]
        return found

    wait_until(lambda: len(failed()) >= count)
    return failed()


def test_delivery_shows_its_channel_its_error_and_why_it_failed(
    sealing_client: httpx.Client, project: str
) -> None:
    post(sealing_client, project, hook("slack", channel="#random"), message="a/b <b>?")
    wait_for_failures(sealing_client, project, 1)
    page = sealing_client.get("/deliveries", params={"project": project}).text

    assert "slack #random" in page
    assert "a/b &lt;b&gt;?" in page
    assert f'href="/projects/{project}/errors/a%2Fb%20%3Cb%3E%3F"' in page
    assert "is no public address" in page
    assert SECRET not in page


def test_list_is_filtered_by_state_and_project(sealing_client: httpx.Client, project: str) -> None:
    post(sealing_client, project, hook(), message="of this project")
    wait_for_failures(sealing_client, project, 1)

    def shows(**query: str) -> bool:
        page = sealing_client.get("/deliveries", params={"project": project, **query})
        assert page.status_code == 200
        return "of this project" in page.text

    assert shows()
    assert shows(state="failed")
    assert shows(state="none of them")
    assert not shows(state="sent")
    assert not shows(project="another")


def test_pages_hold_every_delivery_once(sealing_client: httpx.Client, project: str) -> None:
    for start in (0, 20, 40):
        hooks = [hook() for _ in range(20)]
        post(sealing_client, project, *hooks, message=f"report {start}")
    wanted = {each["id"] for each in wait_for_failures(sealing_client, project, 60)}
    pages = [sealing_client.get("/deliveries", params={"project": project}).text]
    while 'rel="next"' in pages[-1]:
        following = pages[-1].partition('rel="next" href="')[2].partition('"')[0]
        pages.append(sealing_client.get(following.replace("&amp;", "&")).text)

    found = [part.partition('"')[0] for page in pages for part in page.split('id="delivery-')[1:]]
    assert len(pages) == 2
    assert sorted(map(int, found)) == sorted(wanted)


def test_failed_delivery_is_tried_again(tmp_path: Path, clock: FakeClock) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    with running_server(tmp_path, clock) as server, server.client() as client:
        post(client, PROJECT, hook())
        (failed,) = wait_for_failures(client, PROJECT, 1)
        server.run(clock.advance(60))
        form = {"token": find_token(client.get("/deliveries")), "back": "/deliveries?state=failed"}
        answer = client.post(f"/deliveries/{failed['id']}/retry", data=form)
        (again,) = wait_for_failures(client, PROJECT, 1)

    assert (answer.status_code, answer.headers["location"]) == (303, "/deliveries?state=failed")
    assert again == {**failed, "updatedAt": "2016-12-06T15:01:00+00:00"}


def test_retry_without_the_token_does_nothing(sealing_client: httpx.Client, project: str) -> None:
    post(sealing_client, project, hook())
    (failed,) = wait_for_failures(sealing_client, project, 1)

    assert sealing_client.post(f"/deliveries/{failed['id']}/retry").status_code == 403


@pytest.mark.parametrize(
    ("path", "status"), [("/deliveries/0/retry", 404), ("/deliveries/%D9%A1/retry", 404)]
)
def test_retry_of_nothing_is_refused(sealing_client: httpx.Client, path: str, status: int) -> None:
    token = find_token(sealing_client.get("/setup"))
    assert sealing_client.post(path, data={"token": token}).status_code == status


def test_refused_config_has_no_button(sealing_client: httpx.Client, project: str) -> None:
    post(sealing_client, project, "no sealed config")
    wait_for_failures(sealing_client, project, 1)
    page = sealing_client.get("/deliveries", params={"project": project}).text

    assert "no sealed config" in page
    assert "/retry" not in page


def test_forged_cursor_is_refused(sealing_client: httpx.Client) -> None:
    assert sealing_client.get("/deliveries?cursor=x").status_code == 400

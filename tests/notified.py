"""Reports that name channels, over the API, and what became of them."""

from typing import Any

import httpx

from tests.reports import errors_path, make_report, occurrences_path

MASTER, CLIENT = "m" * 32, "c" * 32
#: Nothing listens there, and nothing may be connected to: no message ever leaves.
HOOK = {"type": "webhook", "endpoint": "https://127.0.0.1:9/to-be-concealed"}
SLACK = {
    "type": "slack",
    "endpoint": "https://127.0.0.1:9/to-be-concealed",
    "channel": "#random",
    "threshold": 3,
}


def post(client: httpx.Client, project: str, *configs: Any, message: str = "oops") -> Any:
    answer = client.post(
        errors_path(project), json=make_report(message, notifications=list(configs))
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def decisions_of(client: httpx.Client, project: str, place: str, message: str = "oops") -> Any:
    answer = client.get(f"{occurrences_path(message, project)}/{place}/decisions")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def deliveries_of(client: httpx.Client, **query: Any) -> Any:
    answer = client.get("/v0/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def wait_for_state(client: httpx.Client, project: str, state: str) -> Any:
    """Return the project's deliveries of that state, once there is one."""
    for _ in range(2000):
        found = deliveries_of(client, project=project, state=state)["deliveries"]
        if found:
            return found
    raise AssertionError(deliveries_of(client, project=project))

"""Errors over the API: reported, listed, looked at, changed."""

from typing import Any

import httpx

from tests.reports import (
    PROJECT,
    error_path,
    errors_path,
    make_entry,
)


def post(client: httpx.Client, *messages: str, project: str = PROJECT, **fields: Any) -> None:
    entries = [make_entry(message, **fields) for message in messages]
    assert client.post(errors_path(project), json={"errors": entries}).status_code == 201


def listed(client: httpx.Client, project: str = PROJECT, **query: Any) -> list[str]:
    answer = client.get(errors_path(project), params=query).json()
    return [error["message"] for error in answer["data"]["errors"]]


def summary(client: httpx.Client, message: str, project: str = PROJECT) -> dict[str, Any]:
    found: dict[str, Any] = client.get(error_path(message, project)).json()["data"]["summary"]
    return found


def patch(client: httpx.Client, message: str, **changes: Any) -> dict[str, Any]:
    answer = client.patch(error_path(message), json=changes)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()["data"]["error"]
    return changed

"""Sealing over the API, and the key to seal with."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from faultline_lite.sealedbox import create_key_file
from tests.notified import (
    CLIENT,
    MASTER,
    SLACK,
)
from tests.servers import RunningServer, running_server


def test_encrypt_seals_what_opens_here(keyed: RunningServer, master: httpx.Client) -> None:
    answer = master.post("/v0/encrypt", json=SLACK)

    assert answer.status_code == 201
    body = answer.json()
    sealed = body["encrypted"]
    assert body == {"data": {"encrypted": sealed}, "status": "success", "encrypted": sealed}
    assert json.loads(keyed.services.key_store.open(sealed)) == SLACK


def test_encrypt_says_why_a_config_would_not_work(master: httpx.Client) -> None:
    answer = master.post("/v0/encrypt", json={**SLACK, "channel": None, "batch": -1})

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"message": "batch: expected a whole number from 0 to 3600", "path": ["batch"]},
        {"message": "channel is required", "path": ["channel"]},
    ]


@pytest.mark.parametrize(("allow_http", "status"), [(False, 400), (True, 201)])
def test_encrypt_refuses_what_this_server_would_never_send_to(
    tmp_path: Path, allow_http: bool, status: int
) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    config = {**SLACK, "endpoint": "http://hooks.example.com/services/to-be-concealed"}
    settings: dict[str, Any] = {"master_api_key": MASTER, "allow_http": allow_http}
    with running_server(tmp_path, **settings) as server, server.client(MASTER) as client:
        answer = client.post("/v0/encrypt", json=config)

    assert answer.status_code == status
    if not allow_http:
        message = "endpoint: http is not encrypted: the server's allow_http can permit it"
        assert answer.json()["errors"] == [{"message": message, "path": ["endpoint"]}]


def test_encrypt_needs_the_master_key(keyed: RunningServer) -> None:
    with keyed.client(CLIENT) as client:
        answer = client.post("/v0/encrypt", json=SLACK)

    assert answer.status_code == 403


@pytest.mark.parametrize("settings", [{}, {"client_api_keys": (CLIENT,)}])
def test_encrypt_without_a_master_key_is_412(tmp_path: Path, settings: dict[str, Any]) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    with running_server(tmp_path, **settings) as server, server.client(CLIENT) as client:
        answer = client.post("/v0/encrypt", json=SLACK)

    assert answer.status_code == 412
    assert answer.json()["message"] == "412 Precondition Failed: there is no master key"


def test_encrypt_without_a_key_pair_is_412(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, master_api_key=MASTER) as server,
        server.client(MASTER) as client,
    ):
        answer = client.post("/v0/encrypt", json=SLACK)
        info = client.get("/v0/info").json()["data"]

    assert answer.status_code == 412
    assert list(info) == ["version"]


def test_info_gives_the_public_key_away(keyed: RunningServer, master: httpx.Client) -> None:
    info = master.get("/v0/info").json()["data"]

    (pair,) = keyed.services.key_store.pairs
    assert (info["publicKey"], info["keyId"]) == (pair.public_key, pair.key_id)

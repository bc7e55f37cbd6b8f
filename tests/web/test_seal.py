"""Sealing by a form: what is sealed, what is said of mistakes, and that no secret comes back."""

import html
import json
import logging
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from faultline_lite.notifiers import NOTIFIERS
from faultline_lite.notifiers.fields import Field, list_common_fields, list_own_fields
from faultline_lite.sealedbox import KeyStore, create_key_file
from tests.fakes import Answer, FakeClock, FakeSlack
from tests.fakes.http import far_side
from tests.servers import RunningServer, running_server
from tests.web.visiting import find_token

HOOK = "https://hooks.example.com/services/T0/B0/to-be-concealed"
#: No message leaves for there.
REFUSED = "https://127.0.0.1:9/to-be-concealed"
SLACK = {"type": "slack", "endpoint": HOOK, "channel": "#random"}

_SEALED = re.compile(r"sb1\.[0-9a-f]{8}\.[\w-]+")
_DRAFT = re.compile(r'name="draft" value="([^"]+)"')


def send(client: httpx.Client, action: str, **fields: str) -> httpx.Response:
    """Send the form; what comes back holds no secret, and nobody may keep it."""
    token = find_token(client.get("/seal"))
    answer = client.post("/seal", data={"token": token, "action": action, **fields})
    assert "concealed" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer


def open_sealed(server: RunningServer, answer: httpx.Response) -> Any:
    """Return what is in the sealed string that an answer shows."""
    assert answer.status_code == 200, answer.text
    found = _SEALED.search(answer.text)
    assert found is not None
    return json.loads(server.services.key_store.open(found[0]))


def problems_of(answer: httpx.Response) -> list[str]:
    """Return what the form says to be wrong with its fields."""
    assert answer.status_code == 400, answer.text
    return re.findall(r'class="problem">([^<]*)<', html.unescape(answer.text))


def find_field(type_: str, name: str) -> Field:
    fields = [*list_own_fields(NOTIFIERS[type_]), *list_common_fields(NOTIFIERS[type_])]
    return next(each for each in fields if each.name == name)


# The table of fields


@pytest.mark.parametrize("type_", NOTIFIERS)
def test_form_asks_for_every_field_in_words(sealing_client: httpx.Client, type_: str) -> None:
    page = sealing_client.get("/seal", params={"type": type_}).text
    labels = dict(re.findall(r'<label for="([^"]+)">([^<]*)', page))
    fields = [*list_own_fields(NOTIFIERS[type_]), *list_common_fields(NOTIFIERS[type_])]

    for field in fields:
        assert f'name="{field.name}"' in page
        assert labels[field.name].strip() not in {"", field.name}


def test_secrets_are_what_configs_call_secret() -> None:
    secret = {
        (notifier.type, field.name)
        for notifier in NOTIFIERS.values()
        for field in list_own_fields(notifier)
        if field.kind == "secret"
    }

    assert secret == {
        ("slack", "endpoint"),
        ("github", "userToken"),
        ("gitlab", "personalAccessToken"),
        ("webhook", "endpoint"),
        ("webhook", "secret"),
        ("apprise", "url"),
    }


def test_fields_say_what_they_take() -> None:
    assert find_field("github", "ifExist").choices[0] == "reopen-and-comment"
    assert find_field("github", "labels").kind == "list"
    assert find_field("gitlab", "closeOnResolve").kind == "flag"
    assert find_field("slack", "batch")[5:] == (0, 3600)
    with pytest.raises(StopIteration):
        find_field("slack", "closeOnResolve")


# Sealing


def test_what_was_entered_is_sealed(
    sealing_server: RunningServer, sealing_client: httpx.Client
) -> None:
    answer = send(sealing_client, "seal", **SLACK, threshold="30", username=" bot ", batch="")

    assert open_sealed(sealing_server, answer) == {**SLACK, "threshold": 30, "username": "bot"}


def test_lists_choices_and_flags_are_sealed(
    sealing_server: RunningServer, sealing_client: httpx.Client
) -> None:
    repository = {"type": "github", "owner": "o", "repo": "r", "userToken": "to-be-concealed"}
    answer = send(
        sealing_client,
        "seal",
        **repository,
        labels="bug, 障害 ,",
        ifExist="none",
        closeOnResolve="yes",
    )

    assert open_sealed(sealing_server, answer) == {
        **repository,
        "labels": ["bug", "障害"],
        "ifExist": "none",
        "closeOnResolve": True,
    }


def test_restrictions_are_sealed_and_the_project_is_filled_in(
    sealing_server: RunningServer, sealing_client: httpx.Client
) -> None:
    restrictions = {
        "restrict.projects": "web-*, shop",
        "restrict.origins": "https://example.com",
        "restrict.expires": "2027-01-01T00:30",
        "restrict.max_per_hour": "20",
    }
    answer = send(sealing_client, "seal", **SLACK, **restrictions)

    assert open_sealed(sealing_server, answer)["restrict"] == {
        "projects": ["web-*", "shop"],
        "origins": ["https://example.com"],
        "expires": "2027-01-01T00:30:00Z",
        "max_per_hour": 20,
    }
    assert "/projects/shop/errors" in answer.text


def test_sealed_config_stands_in_what_every_client_is_told(sealing_client: httpx.Client) -> None:
    answer = send(sealing_client, "seal", **SLACK)
    found = _SEALED.findall(answer.text)

    assert len(set(found)) == 1
    # By itself, in the form that tries it, and once for each client.
    assert len(found) >= 9


def test_secret_is_shown_as_its_length_alone(sealing_client: httpx.Client) -> None:
    answer = send(sealing_client, "seal", **SLACK)

    assert f"{len(HOOK)} characters" in answer.text
    assert "hooks.example.com" not in answer.text


def test_nothing_of_it_is_stored_or_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    create_key_file(tmp_path / "faultline.key", 1)
    with running_server(tmp_path) as server, server.client() as client:
        send(client, "seal", **SLACK)
        send(client, "seal-and-try", **{**SLACK, "endpoint": REFUSED})
        send(client, "seal", **SLACK, timezone="Mars")

    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"concealed" not in kept
    assert "concealed" not in caplog.text


# Mistakes


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"channel": ""}, ["this field is required"]),
        (
            {"endpoint": "ftp://x"},
            ["expected a URL such as https://hooks.example.com"],
        ),
        ({"threshold": "many"}, ["expected a whole number"]),
        ({"batch": "9999"}, ["expected a whole number from 0 to 3600"]),
        ({"timezone": "<b>"}, ["expected an IANA name such as Asia/Tokyo"]),
        ({"restrict.max_per_hour": "0"}, ["expected a whole number from 1 to 600"]),
        ({"restrict.max_per_hour": "x"}, ["expected a whole number from 1 to 600"]),
        ({"restrict.expires": "tomorrow"}, ["expected an RFC 3339 time"]),
        ({"restrict.expires": "2016-12-06T00:00"}, ["that time is over"]),
        (
            {"channel": "", "restrict.expires": "2016-12-06T00:00"},
            ["this field is required", "that time is over"],
        ),
        (
            {
                "endpoint": "ftp://x",
                "channel": "",
                "threshold": "many",
                "batch": "9999",
                "timezone": "Mars",
                "restrict.expires": "tomorrow",
                "restrict.max_per_hour": "0",
            },
            [
                "expected a URL such as https://hooks.example.com",
                "this field is required",
                "expected a whole number",
                "expected an IANA name such as Asia/Tokyo",
                "expected a whole number from 0 to 3600",
                "expected an RFC 3339 time",
                "expected a whole number from 1 to 600",
            ],
        ),
        (
            {"type": "gitlab", "owner": "a b", "repo": "..", "endpoint": "gitlab"},
            [
                "expected a user or group",
                "expected a project's name",
                "this field is required",
                "expected a URL such as https://hooks.example.com",
            ],
        ),
    ],
)
def test_mistake_is_said_beside_its_field(
    sealing_client: httpx.Client, fields: dict[str, str], problems: list[str]
) -> None:
    found = problems_of(send(sealing_client, "seal", **{**SLACK, **fields}))

    assert len(found) == len(problems)
    for said, expected in zip(found, problems, strict=True):
        assert said.startswith(expected)


def test_secret_need_not_be_entered_again_after_a_mistake(
    sealing_server: RunningServer, sealing_client: httpx.Client
) -> None:
    mistaken = send(sealing_client, "seal", **SLACK, timezone="Mars")
    draft = _DRAFT.search(mistaken.text)
    assert draft is not None
    corrected = {**SLACK, "endpoint": "", "timezone": "Asia/Tokyo", "draft": draft[1]}
    answer = send(sealing_client, "seal", **corrected)

    assert 'value="#random"' in mistaken.text
    assert open_sealed(sealing_server, answer) == {**SLACK, "timezone": "Asia/Tokyo"}


@pytest.mark.parametrize("draft", ["", "x", "sb1.00000000.AAAA"])
def test_forged_draft_is_no_secret(sealing_client: httpx.Client, draft: str) -> None:
    fields = {**SLACK, "endpoint": "", "draft": draft}

    assert problems_of(send(sealing_client, "seal", **fields)) == ["this field is required"]


def test_draft_is_no_config(sealing_server: RunningServer, sealing_client: httpx.Client) -> None:
    mistaken = send(sealing_client, "seal", **SLACK, timezone="Mars")
    draft = _DRAFT.search(mistaken.text)
    assert draft is not None

    assert "type: expected one of" in send(sealing_client, "open", sealed=draft[1]).text


def test_config_that_no_url_carries_is_refused(sealing_client: httpx.Client) -> None:
    answer = send(sealing_client, "seal", **{**SLACK, "username": "x" * 4000})

    assert answer.status_code == 400
    assert "more than 4000 characters" in answer.text


def test_form_without_the_token_seals_nothing(sealing_client: httpx.Client) -> None:
    assert sealing_client.post("/seal", data={"action": "seal", **SLACK}).status_code == 403


def test_unknown_action_and_type_are_refused_or_ignored(sealing_client: httpx.Client) -> None:
    token = find_token(sealing_client.get("/seal"))
    answer = sealing_client.post("/seal", data={"token": token, "action": "burn"})

    assert answer.status_code == 400
    assert 'name="channel"' in sealing_client.get("/seal?type=<b>").text


def test_server_without_a_key_pair_says_what_is_missing(standing_client: httpx.Client) -> None:
    page = standing_client.get("/seal").text

    assert "key_file" in page
    assert 'action="/seal"' not in page


# What is sealed already


def test_sealed_config_is_opened_and_changed(
    sealing_server: RunningServer, sealing_client: httpx.Client
) -> None:
    restrict = {"projects": ["a"], "expires": "2027-01-01T00:00:00+09:00"}
    config = {**SLACK, "icon_emoji": ":ghost:", "threshold": 0, "restrict": restrict}
    sealed = sealing_server.services.key_store.seal(json.dumps(config).encode())
    opened = send(sealing_client, "open", sealed=f" {sealed}\n")
    form = send(sealing_client, "change", sealed=sealed)
    draft = _DRAFT.search(form.text)
    assert draft is not None
    fields = dict(re.findall(r' name="([\w.]+)" type="[\w-]+" value="([^"]+)"', form.text))
    answer = send(sealing_client, "seal", type="slack", draft=draft[1], **fields)

    assert "slack #random" in opened.text
    assert open_sealed(sealing_server, answer) == {
        **SLACK,
        "iconEmoji": ":ghost:",
        "threshold": 0,
        "restrict": {"projects": ["a"], "expires": "2026-12-31T15:00:00Z"},
    }


def test_list_of_configs_is_opened(
    sealing_server: RunningServer, sealing_client: httpx.Client
) -> None:
    configs = [SLACK, {"type": "webhook", "endpoint": HOOK}]
    sealed = sealing_server.services.key_store.seal(json.dumps(configs).encode())
    opened = send(sealing_client, "open", sealed=sealed).text

    assert "slack #random" in opened
    assert "webhook hooks.example.com" in opened
    assert 'value="change"' not in opened


@pytest.mark.parametrize(
    "sealed", ["", "<script>", "sb1.00000000.AAAA", "sb1." + "0" * 20000, "AAAA", "é" * 100]
)
def test_what_is_no_sealed_config_of_ours_is_refused(
    sealing_client: httpx.Client, sealed: str
) -> None:
    for action in ("open", "try", "change"):
        answer = send(sealing_client, action, sealed=sealed)

        assert answer.status_code == 400
        assert 'role="alert"' in answer.text


def test_sealed_string_of_another_server_is_refused(
    sealing_client: httpx.Client, tmp_path: Path
) -> None:
    create_key_file(tmp_path / "other.key", 1)
    sealed = KeyStore(tmp_path / "other.key").seal(json.dumps(SLACK).encode())

    answer = send(sealing_client, "open", sealed=sealed)
    assert "sealed to a key that this server does not have" in answer.text


# Trying


def test_sample_is_sent_and_its_outcome_shown(tmp_path: Path) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    settings = {"allow_hosts": ("127.0.0.1",), "allow_http": True}
    slack = FakeSlack()
    with (
        running_server(tmp_path, FakeClock(), **settings) as server,
        server.client() as client,
        far_side(slack),
    ):
        fields = {**SLACK, "endpoint": slack.endpoint}
        arrived = send(client, "seal-and-try", **fields)
        sealed = _SEALED.search(arrived.text)
        assert sealed is not None
        slack.replies.append(Answer(404, b"channel_not_found"))
        failed = send(client, "try", sealed=sealed[0])
        slack.replies.append(Answer(503))
        postponed = send(client, "try", sealed=sealed[0])

    assert "The sample arrived:" in arrived.text
    assert len(slack.messages) == 1
    assert slack.messages[0]["channel"] == "#random"
    assert "Slack answered 404: channel_not_found" in failed.text
    assert "would be tried again" not in failed.text
    assert "would be tried again" in postponed.text


def test_sample_goes_nowhere_that_a_notification_may_not(sealing_client: httpx.Client) -> None:
    answer = send(sealing_client, "seal-and-try", **{**SLACK, "endpoint": REFUSED})

    assert "The sample did not arrive:" in answer.text
    assert "is no public address" in answer.text


def test_japanese_visitor_reads_what_is_wrong_in_japanese(sealing_client: httpx.Client) -> None:
    wrong = {**SLACK, "endpoint": "nonsense", "restrict.max_per_hour": "0"}
    token = find_token(sealing_client.get("/seal"))
    form = {"token": token, "action": "seal", **wrong}
    answer = sealing_client.post("/seal", data=form, headers={"Accept-Language": "ja"})

    assert (
        'class="problem">https://hooks.example.com/... のような URL を指定してください'
        in answer.text
    )
    assert 'class="problem">1〜600 の整数を指定してください' in answer.text

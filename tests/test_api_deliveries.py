"""What was sent where, what waits, what failed, and why an occurrence notified or did not."""

import json

import httpx
import pytest

from tests.notified import (
    HOOK,
    SLACK,
    decisions_of,
    deliveries_of,
    post,
    wait_for_state,
)
from tests.reports import error_path, occurrences_path


def test_decisions_are_explained_afterwards_with_what_became_of_them(
    master: httpx.Client, project: str
) -> None:
    config = {**SLACK, "endpoint": f"https://127.0.0.1:9/concealed/{project}"}
    post(master, project, config)
    wait_for_state(master, project, "failed")
    second = post(master, project, config)
    first_place = master.get(occurrences_path("oops", project)).json()["data"]["errors"][-1]

    held = decisions_of(master, project, second["id"])
    told = decisions_of(master, project, first_place["reversedUnixtime"])

    assert held == {
        "count": 2,
        "bucket": 2,
        "timeunit": "minute",
        "regression": False,
        "muted": False,
        "decisions": [
            {
                "channel": "slack #random",
                "decision": "held",
                "reason": "2 in this minute, threshold 3",
                "delivery": None,
            }
        ],
    }
    (decision,) = told["decisions"]
    assert (decision["decision"], decision["delivery"]["state"]) == ("notify", "failed")
    assert "127.0.0.1" in decision["delivery"]["failure"]
    assert "concealed" not in json.dumps(told)


def test_notification_that_is_in_no_message_yet_waits(master: httpx.Client, project: str) -> None:
    # The clock stands still, so that the batch after the first never ends.
    config = {**HOOK, "endpoint": f"https://127.0.0.1:9/{project}"}
    post(master, project, config)
    wait_for_state(master, project, "failed")

    second = post(master, project, config)

    (decision,) = decisions_of(master, project, second["id"])["decisions"]
    assert decision["delivery"] == {"state": "waiting"}
    assert deliveries_of(master, project=project)["waiting"] == [
        {
            "channel": "webhook 127.0.0.1",
            "errorCount": 1,
            "occurrenceCount": 1,
            "since": "2016-12-06T15:00:00+00:00",
        }
    ]


def test_occurrence_that_is_not_there_has_no_decisions(master: httpx.Client, project: str) -> None:
    post(master, project)
    paths = [f"{occurrences_path('oops', project)}/{place}/decisions" for place in ("1", "x")]

    assert [master.get(path).status_code for path in paths] == [404, 404]


def test_deliveries_are_paged_without_a_gap(master: httpx.Client, project: str) -> None:
    for number in range(5):
        post(master, project, {**HOOK, "threshold": f"x{number}"}, {"type": f"x{number}"})
        post(master, project, {**HOOK, "notifyInterval": [number]})
    whole = deliveries_of(master, project=project)["deliveries"]
    found, sizes, cursor = [], [], None
    while True:
        page = deliveries_of(master, project=project, limit=1, cursor=cursor or "")
        found += page["deliveries"]
        sizes.append(len(page["deliveries"]))
        cursor = page["nextCursor"]
        if cursor is None:
            break

    assert found == whole
    assert sizes == [1] * len(whole)
    assert len(whole) > 2


@pytest.mark.parametrize(
    "query", [{"state": "lost"}, {"limit": "0"}, {"cursor": "x"}, {"cursor": "WzFlOTksMV0"}]
)
def test_bad_query_is_refused(master: httpx.Client, query: dict[str, str]) -> None:
    assert master.get("/v0/deliveries", params=query).status_code == 400


def test_deleting_the_error_takes_its_deliveries_and_what_waits_along(
    master: httpx.Client, project: str
) -> None:
    config = {**HOOK, "endpoint": f"https://127.0.0.1:9/{project}"}
    post(master, project, config)
    wait_for_state(master, project, "failed")
    post(master, project, config)

    master.delete(error_path("oops", project))

    left = deliveries_of(master, project=project)
    assert (left["deliveries"], left["waiting"]) == ([], [])


@pytest.mark.parametrize(
    "delivery_id",
    ["0", "99999999999999999999", f"{0:020}{10**19}", "9" * 5000, "x", "-1", "%31%30e9"],
)
def test_retry_of_what_is_not_there_is_404(master: httpx.Client, delivery_id: str) -> None:
    assert master.post(f"/v0/deliveries/{delivery_id}/retry").status_code == 404


def test_retry_makes_a_failed_delivery_due_anew(master: httpx.Client, project: str) -> None:
    post(master, project, {**HOOK, "endpoint": f"https://127.0.0.1:9/{project}"})
    (failed,) = wait_for_state(master, project, "failed")

    answer = master.post(f"/v0/deliveries/{failed['id']}/retry")

    assert answer.status_code == 200
    delivery = answer.json()["data"]["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("due", 0)


def test_retry_of_a_refused_config_says_that_it_leads_nowhere(
    master: httpx.Client, project: str
) -> None:
    post(master, project, {"type": project})
    (failed,) = deliveries_of(master, project=project)["deliveries"]

    answer = master.post(f"/v0/deliveries/{failed['id']}/retry")

    assert answer.status_code == 400
    assert "its config was refused" in answer.json()["message"]

import html
import re

import httpx
import pytest

from tests.reports import escape
from tests.web.test_deliveries import SECRET, hook, post, wait_for_failures

_TAG = re.compile(r"<[^>]*>|\s+")


def why(client: httpx.Client, project: str, place: str, message: str = "oops") -> httpx.Response:
    return client.get(_path(project, place, message))


def _path(project: str, place: str, message: str = "oops") -> str:
    return f"/projects/{escape(project)}/errors/{escape(message)}/occurrences/{place}/why"


def words_of(page: httpx.Response) -> str:
    """Return what a reader sees of the page."""
    assert page.status_code == 200, page.text
    body = page.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(_TAG.sub(" ", body)).split())


def test_each_decision_is_said_with_its_reason(sealing_client: httpx.Client, project: str) -> None:
    one = hook()
    configs = [one, {**one, "threshold": 3}, {**one, "notifyInterval": 5}, "sb1.bad"]
    post(sealing_client, project, *configs)
    place = post(sealing_client, project, *configs)
    words = words_of(why(sealing_client, project, place))

    assert "no. 2 of the error · no. 2 in its minute" in words
    assert "webhook 127.0.0.1 Notified It is no. 2 in its minute; the threshold is 1." in words
    assert "webhook 127.0.0.1 Held It is no. 2 in its minute; the threshold is 3." in words
    assert "webhook 127.0.0.1 Held It is no. 2 in its minute; one in 5 notifies." in words
    assert "notifications[3] Refused it is no sealed config" in words


def test_first_occurrence_says_what_became_of_its_message(
    sealing_client: httpx.Client, project: str
) -> None:
    place = post(sealing_client, project, hook())
    wait_for_failures(sealing_client, project, 1)
    page = why(sealing_client, project, place)

    assert "Notified The first occurrence of an error always notifies. Failed" in words_of(page)
    assert "Try again" in words_of(page)
    assert SECRET not in page.text


def test_regression_and_mute_are_said(sealing_client: httpx.Client, project: str) -> None:
    post(sealing_client, project, hook())
    path = f"/v0/projects/{project}/errors/oops"
    sealing_client.patch(path, json={"status": "resolved"}).raise_for_status()
    back = post(sealing_client, project, hook())
    sealing_client.patch(path, json={"muted": True}).raise_for_status()
    silent = post(sealing_client, project, hook())

    assert "The error was resolved and is back" in words_of(why(sealing_client, project, back))
    assert "Held The error was muted." in words_of(why(sealing_client, project, silent))


def test_report_without_a_channel_says_so(sealing_client: httpx.Client, project: str) -> None:
    place = post(sealing_client, project)

    assert "named no channel" in words_of(why(sealing_client, project, place))


@pytest.mark.parametrize("place", ["0000000000000000", "9007197759799203", "x", "0-1"])
def test_occurrence_that_is_not_there_is_not_found(
    sealing_client: httpx.Client, project: str, place: str
) -> None:
    post(sealing_client, project)

    assert why(sealing_client, project, place).status_code == 404


def test_japanese_visitor_reads_why_in_japanese(sealing_client: httpx.Client, project: str) -> None:
    place = post(sealing_client, project, {**hook(), "threshold": 3}, "sb1.bad")
    wait_for_failures(sealing_client, project, 2)
    held = post(sealing_client, project, {**hook(), "threshold": 3})
    japanese = {"Accept-Language": "ja"}
    first = words_of(sealing_client.get(_path(project, place), headers=japanese))
    second = words_of(sealing_client.get(_path(project, held), headers=japanese))

    assert "必ず通知します。 失敗 接続先の 127.0.0.1 は公開アドレスではありません" in first
    assert "notifications[1] 拒否 暗号化された通知設定ではありません" in first
    assert "見送り その1分間の 2 件目で、しきい値は 3 です。" in second

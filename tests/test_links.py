"""Where messages lead to: this server's pages, or a template of the user's."""

from dataclasses import dataclass

import pytest

from faultline_lite.fingerprint import group_key
from faultline_lite.notifications.links import MAX_LINK_CHARACTERS, error_path, fill_template


@dataclass(frozen=True)
class Addressed:
    message: str
    group_key: bytes
    project: str = "web"


def addressed(message: str, fingerprint: tuple[str, ...] | None = None) -> Addressed:
    return Addressed(message, group_key(message, exact=False, fingerprint=fingerprint))


@pytest.mark.parametrize(
    ("message", "segment"),
    [
        ("oops", "oops"),
        ("a/b?c#d%e", "a%2Fb%3Fc%23d%25e"),
        ("在庫 🍣\n", "%E5%9C%A8%E5%BA%AB%20%F0%9F%8D%A3%0A"),
        ("a/occurrences/b", "a%2Foccurrences%2Fb"),
    ],
)
def test_page_is_addressed_by_the_message(message: str, segment: str) -> None:
    path = error_path(addressed(message), "9007197773704591")

    assert path == f"/projects/web/errors/{segment}/occurrences/9007197773704591"


@pytest.mark.parametrize("message", ["oops", ".", ".."])
def test_page_is_addressed_by_the_fingerprint_where_the_message_does_not_lead_there(
    message: str,
) -> None:
    error = addressed(message, ("client",))

    assert error_path(error).endswith(f"?fingerprint={error.group_key.hex()}")
    assert "/errors/./" not in error_path(error, "1")


@pytest.mark.parametrize(
    ("template", "link"),
    [
        (
            "https://a.example/#/projects/{project}/errors/{message}/occurrences/{reversedUnixtime}",
            "https://a.example/#/projects/my%20app/errors/a%2Fb%3F%C3%A9/occurrences/9007",
        ),
        (
            "https://a.example{?project,message}",
            "https://a.example?project=my%20app&message=a%2Fb%3F%C3%A9",
        ),
        ("https://a.example/{+message}", "https://a.example/a/b?%C3%A9"),
        ("https://a.example/{project:2}", "https://a.example/my"),
        ("https://a.example/{unknown}", "https://a.example/"),
        ("https://a.example/{project:x}", None),
        ("https://a.example/" + "x" * MAX_LINK_CHARACTERS, None),
    ],
)
def test_template_is_filled_as_rfc_6570_says(template: str, link: str | None) -> None:
    assert fill_template(template, "my app", "a/b?é", "9007") == link

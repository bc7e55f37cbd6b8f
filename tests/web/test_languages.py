import pytest

from faultline_lite.web.languages import choose_language


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "ja", "ja"),
        ("", "ja-JP,ja;q=0.9,en-US;q=0.8", "ja"),
        ("", "de,ja;q=0.5,en;q=0.4", "ja"),
        ("", "en,ja;q=0.9", "en"),
        ("", "ja;q=0", "en"),
        ("", "fr", "en"),
        ("", "\x00;;,,q=", "en"),
        ("en", "ja", "en"),
        ("ja", "en", "ja"),
        ("../../etc", "ja", "ja"),
    ],
)
def test_visitors_choice_goes_before_what_the_browser_asks_for(
    chosen: str, accepted: str, language: str
) -> None:
    assert choose_language(chosen, accepted) == language

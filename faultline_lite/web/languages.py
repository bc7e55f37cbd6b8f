"""In which language a page speaks: what the visitor chose, or what the browser asks for."""

import gettext
import re
from pathlib import Path

DOMAIN = "messages"
#: The texts in the templates are in it.
SOURCE_LANGUAGE = "en"
#: By their code, in their own words.
LANGUAGES = {"en": "English", "ja": "日本語"}

LOCALE_FOLDER = Path(__file__).parent / "locale"

_RANGE = re.compile(r"\s*([A-Za-z*]{1,8})[-\w]*\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")


def load_translations(language: str) -> gettext.NullTranslations:
    """Return the texts of the language; the source language's stand for themselves."""
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE_FOLDER, [language])


def choose_language(chosen: str, accepted: str) -> str:
    """Return the code of the language for a visitor.

    ``chosen`` is what the visitor's cookie says, ``accepted`` an ``Accept-Language`` header
    (RFC 9110, section 12.5.4), of which the primary language counts.
    """
    if chosen in LANGUAGES:
        return chosen
    weights: dict[str, float] = {}
    for part in accepted.split(","):
        found = _RANGE.fullmatch(part)
        if found is not None:
            code, weight = found[1].lower(), float(found[2] or 1)
            weights[code] = max(weight, weights.get(code, 0.0))
    best = max(weights.items(), key=lambda each: each[1] * (each[0] in LANGUAGES), default=("", 0))
    return best[0] if best[0] in LANGUAGES and best[1] > 0 else SOURCE_LANGUAGE

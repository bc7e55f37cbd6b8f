"""Sentences of ours in the visitor's language.

They come as English text, out of the store, an exception or a delivery that is years old
(``sentences``), so that the template that each was made of is found again by its text. What no
template fits is shown as it is: a vendor's answer, or the sentence of a version that is gone.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from faultline_lite.web.languages import LOCALE_FOLDER

#: The templates, one in a line, as they were extracted.
SENTENCES_FILE = LOCALE_FOLDER / "sentences.txt"
#: What may be filled in that has several words; everything else has no white space.
PHRASES = frozenset({"choices", "detail", "name", "reason", "schemes", "service"})
#: What is a sentence itself, perhaps several.
REASON = "reason"
SEPARATOR = "; "
#: Sentences within sentences, and rows of them: "the config cannot be used: name: ...; name: ...".
MAX_DEPTH = 4

_NAME = re.compile(r"\{(\w+)\}")


class _Form(NamedTuple):
    """A template, and how to know what was made of it; ``beginning`` is what it begins with."""

    template: str
    beginning: str
    expression: re.Pattern[str]


class Said:
    """Translates sentences by ``gettext``, which translates their templates."""

    def __init__(self, templates: Iterable[str], gettext: Callable[[str], str]) -> None:
        # What says the most by itself comes first: others may fit the same text by chance.
        ordered = sorted(templates, key=lambda each: len(_NAME.sub("", each)), reverse=True)
        self._forms = [_make_form(template) for template in ordered]
        self._gettext = gettext

    def show(self, text: str) -> str:
        """Return the sentence, or several in a row, translated; what is none of ours as it is."""
        return self._show(text, MAX_DEPTH)

    def _show(self, text: str, depth: int) -> str:
        if depth == 0:
            return text
        shown = self._translate(text, depth)
        if shown is not None:
            return shown
        if SEPARATOR in text:
            return SEPARATOR.join(self._show(each, depth - 1) for each in text.split(SEPARATOR))
        return text

    def _translate(self, text: str, depth: int) -> str | None:
        for form in self._forms:
            if not text.startswith(form.beginning):
                continue
            found = form.expression.fullmatch(text)
            if found is not None:
                values = found.groupdict()
                if REASON in values:
                    values[REASON] = self._show(values[REASON], depth - 1)
                return self._gettext(form.template).format(**values)
        return None


def read_templates() -> list[str]:
    """Return the templates of all sentences."""
    return SENTENCES_FILE.read_text("utf-8").splitlines()


def _make_form(template: str) -> _Form:
    # Every second part is the name of what is filled in.
    parts = _NAME.split(template)
    expression = "".join(
        _capture(part) if number % 2 else re.escape(part) for number, part in enumerate(parts)
    )
    return _Form(template, parts[0], re.compile(expression, re.DOTALL))


def _capture(name: str) -> str:
    return rf"(?P<{name}>.+?)" if name in PHRASES else rf"(?P<{name}>\S+?)"

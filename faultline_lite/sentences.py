"""Sentences of ours: why something was refused or failed, and what was done.

They are answered and stored in English. Pages show them in the visitor's language, also those that
were stored years ago: a text is recognised by the template that it was made of (``web/said.py``).
So whatever a page may show is typed as a ``Sentence``, and made by ``say``, whose templates are
extracted for translation.
"""

from typing import NewType

Sentence = NewType("Sentence", str)


def say(template: str, /, **values: object) -> Sentence:
    """Return the template, a literal, with its ``{names}`` filled in.

    What is filled in is one word, but for a ``{reason}``, itself a sentence, and the names in
    ``web.said.PHRASES``.
    """
    return Sentence(template.format(**values))

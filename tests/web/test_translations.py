"""Every text of the pages is there in every language, and what is shipped is compiled from it."""

import io
import re

import pytest
from babel.messages.catalog import Message
from babel.messages.mofile import read_mo

from tests.translations import (
    catalogue_path,
    compile_catalogue,
    extract,
    read_catalogue,
    translated_languages,
)

_PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w+>|%%")
LANGUAGES = translated_languages()


def _texts(message: Message) -> tuple[str, ...]:
    """Return the singular and the plural, or the one text."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def _translations(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def _messages(language: str) -> list[Message]:
    return [message for message in read_catalogue(language) if message.id]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_in_the_catalogue_and_no_other(language: str) -> None:
    wanted = {_texts(message) for message in extract() if message.id}

    assert {_texts(message) for message in _messages(language)} == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    assert [each.id for each in _messages(language) if not all(_translations(each))] == []
    assert [each.id for each in _messages(language) if each.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_stays_in_the_translation(language: str) -> None:
    for message in _messages(language):
        # The last one is the plural, which has everything that is filled in.
        wanted = sorted(_PLACEHOLDER.findall(_texts(message)[-1]))
        for translation in _translations(message):
            assert sorted(_PLACEHOLDER.findall(translation)) == wanted, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogue_is_current(language: str) -> None:
    compiled = catalogue_path(language, "mo").read_bytes()

    assert _read(compiled) == _read(compile_catalogue(read_catalogue(language)))


def _read(compiled: bytes) -> list[tuple[object, object, object]]:
    """Return what is compiled but for the header, which names Babel's version."""
    catalogue = read_mo(io.BytesIO(compiled))
    return [(each.context, each.id, each.string) for each in catalogue if each.id]

"""The fields of a form, and where to go on after it."""

from collections.abc import Mapping

Form = Mapping[str, list[str]]


def first(form: Form, name: str) -> str:
    """Return the first value of a field, an empty text where there is none."""
    return form.get(name, [""])[0]


def local_path(text: str, otherwise: str = "/") -> str:
    """Return the text where it is a path on this server, ``otherwise`` where it is not."""
    # Browsers read "//host", "/\\host" and what hides one of them behind a line break as elsewhere.
    inside = text.startswith("/") and text[1:2] not in {"/", "\\"}
    return text if inside and text.isascii() and text.isprintable() else otherwise

"""Find everything that is wrong with a decoded JSON value, where msgspec stops at the first."""

import re
import types
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from faultline_lite.exceptions import Problem

#: An answer that names more would be read by nobody.
MAX_PROBLEMS = 100
#: Of a larger body only the first thing that is wrong is named.
MAX_EXPLAINED_BYTES = 2**20
#: Values that are looked at one by one; in a body that is made to hold millions, the rest is
#: judged as a whole.
MAX_CHECKS = 10_000
#: Steps of a path into what cannot be decoded: each of them decodes what is below it once more.
MAX_STEPS = 8
#: msgspec appends where it was: "Expected `str`, got `int` - at `$.errors[0].message`".
_LOCATION = re.compile(r" - at `\$(.*)`$", re.DOTALL)
#: A field or a place in a list; ``[...]`` stands for any key, and where that leads is not known.
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def explain(body: bytes, shape: Any) -> list[Problem]:
    """Return what keeps the JSON from being of the type ``shape``.

    Raises msgspec.DecodeError where it is no JSON after all: typed, it is not read to its end.
    """
    try:
        value = msgspec.json.decode(body)
    except msgspec.ValidationError:
        return [find_unreadable(body)]
    return find_problems(value, shape)


def find_problems(value: Any, shape: Any) -> list[Problem]:
    """Return up to MAX_PROBLEMS things by which ``value`` is not of the type ``shape``."""
    checks = iter(range(MAX_CHECKS))
    return list(islice(_walk(value, shape, (), checks), MAX_PROBLEMS))


def read_problem(error: msgspec.ValidationError) -> Problem:
    """Return the one thing that msgspec stopped at, with the path as far as it tells it."""
    text = str(error)
    found = _LOCATION.search(text)
    if found is None:
        return Problem(text)
    steps = _STEP.finditer(found[1].partition("[...]")[0])
    return Problem(text[: found.start()], tuple(step[1] or step[2] for step in steps))


def find_unreadable(body: bytes | msgspec.Raw) -> Problem:
    """Return what cannot be decoded in a body that is JSON: a number beyond all bounds."""
    path: tuple[str, ...] = ()
    part: bytes | msgspec.Raw = body
    while len(path) < MAX_STEPS:
        for step, inner in _raw_parts(part):
            if _complaint(inner):
                path, part = (*path, step), inner
                break
        else:
            break
    return Problem(_complaint(part), path)


def _raw_parts(raw: bytes | msgspec.Raw) -> list[tuple[str, msgspec.Raw]]:
    opening = bytes(raw).lstrip()[:1]
    if opening == b"{":
        return list(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).items())
    if opening == b"[":
        parts = msgspec.json.decode(raw, type=list[msgspec.Raw])
        return [(str(number), part) for number, part in enumerate(parts)]
    return []


def _complaint(raw: bytes | msgspec.Raw) -> str:
    """Return why the part cannot be decoded, nothing where it can."""
    try:
        msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        return _LOCATION.sub("", str(error))
    return ""


def _walk(
    value: Any, shape: Any, path: tuple[str, ...], checks: Iterator[int]
) -> Iterator[Problem]:
    if next(checks, None) is None:
        return
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        shape = _narrow(shape, value)
        message = _LOCATION.sub("", str(error))
    else:
        return
    found = False
    for step, part, part_shape in _parts(value, shape):
        for problem in _walk(part, part_shape, (*path, step), checks):
            found = True
            yield problem
    if not found:
        choices = _choices(shape)
        yield Problem(f"must be one of {', '.join(choices)}" if choices else message, path)
    elif isinstance(value, dict):
        yield from _missing(value, shape, path)


def _narrow(shape: Any, value: Any) -> Any:
    """Return the member of a union that the value is meant for; the shape itself otherwise."""
    if get_origin(shape) not in {Union, types.UnionType}:
        return shape
    for member in get_args(shape):
        if isinstance(value, dict) and _is_struct(member):
            return member
        if isinstance(value, list) and get_origin(member) is list:
            return member
    return shape


def _choices(shape: Any) -> tuple[str, ...]:
    """Return the words that a value may be, nothing where it is not one of a few."""
    members = get_args(shape) if get_origin(shape) in {Union, types.UnionType} else (shape,)
    literals = [member for member in members if get_origin(member) is Literal]
    return tuple(str(choice) for literal in literals for choice in get_args(literal))


def _parts(value: Any, shape: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the parts of a container with the step to each and the shape that it must have."""
    if isinstance(value, dict) and _is_struct(shape):
        for field in msgspec.structs.fields(shape):
            if field.name in value:
                yield field.name, value[field.name], field.type
    elif isinstance(value, list) and get_origin(shape) is list:
        (part_shape,) = get_args(shape)
        for number, part in enumerate(value):
            yield str(number), part, part_shape


def _missing(value: dict[str, Any], shape: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    for field in msgspec.structs.fields(shape) if _is_struct(shape) else ():
        if field.required and field.name not in value:
            yield Problem(f"Object missing required field `{field.name}`", path)


def _is_struct(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)

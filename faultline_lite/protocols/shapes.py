"""Find everything that is wrong with a decoded JSON value, where msgspec stops at the first."""

import re
import types
from collections.abc import Iterator
from itertools import islice
from typing import Any, Union, get_args, get_origin

import msgspec

from faultline_lite.exceptions import Problem

#: An answer that names more would be read by nobody.
MAX_PROBLEMS = 100
#: msgspec appends where it was: "Expected `str`, got `int` - at `$.errors[0].message`".
_LOCATION = re.compile(r" - at `.*`$", re.DOTALL)


def find_problems(value: Any, shape: Any) -> list[Problem]:
    """Return up to MAX_PROBLEMS things by which ``value`` is not of the type ``shape``."""
    return list(islice(_walk(value, shape, ()), MAX_PROBLEMS))


def _walk(value: Any, shape: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        shape = _narrow(shape, value)
        message = _LOCATION.sub("", str(error))
    else:
        return
    found = False
    for step, part, part_shape in _parts(value, shape):
        for problem in _walk(part, part_shape, (*path, step)):
            found = True
            yield problem
    if not found:
        yield Problem(message, path)
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

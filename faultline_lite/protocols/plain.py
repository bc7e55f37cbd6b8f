"""Tell plain JSON from JSON that has to be looked at more closely, in one linear pass.

Plain is what any decoder can read: brackets within few others, numbers of a usual size. A decoder
that skips the parts that it does not ask for checks neither.
"""

import re2

#: Deeper JSON serves nobody, and whoever walks it would need a stack for it.
MAX_DEPTH = 100

_STRING = r'"(?:[^"\\]|\\.)*"'
#: Up to 19 digits in a row, and two of an exponent: within 64 bits, and within a double's range.
#: The word boundaries keep a long number from being read as two.
_NUMBER = r"\b[0-9]{1,19}(?:[eE][+-]?[0-9]{1,2})?\b"


def _nest(levels: int) -> str:
    """Return a pattern for what holds brackets within up to so many others, all of them closed."""
    text = rf'[^"\[\]{{}}0-9]|{_NUMBER}|{_STRING}'
    pattern = rf"(?:{text})*"
    for _ in range(levels):
        pattern = rf"(?:{text}|[\[{{]{pattern}[\]}}])*"
    return pattern


def _compile(pattern: str) -> re2.Set:
    options = re2.Options()
    # Bytes are what is searched; whether they are UTF-8 does not matter to the pattern.
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    compiled = re2.Set.FullMatchSet(options)
    compiled.Add(pattern.encode())
    compiled.Compile()
    return compiled


_plain = _compile(_nest(MAX_DEPTH))


def is_plain(body: bytes) -> bool:
    """Return whether JSON is plain: nested no deeper than MAX_DEPTH, no number out of range.

    What is not may still be fine, such as a number of twenty digits; what is no JSON may be plain.
    """
    return bool(_plain.Match(body))

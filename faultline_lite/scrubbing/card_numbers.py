"""Find card numbers among groups of digits, and hide them."""

import re

from faultline_lite.scrubbing.searches import SCRUBBED

#: 13 digits or more, perhaps in groups. None begins with 0, 1, 7, 8 or 9, which spares times in
#: milliseconds.
DIGITS = r"[2-6](?:[ -]?[0-9]){12,}"
#: Issuers' first digits and the lengths of their numbers, within the 19 of ISO/IEC 7812-1: Visa,
#: Mastercard, American Express, Diners Club, Discover, JCB and UnionPay, Maestro.
_CARD = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|(?:5[1-5][0-9]|22[2-9]|2[3-6][0-9]|27[01])[0-9]{13}|2720[0-9]{12}"
    r"|3[47][0-9]{13}"
    r"|3(?:0[0-5]|09|[689][0-9])[0-9]{11,16}"
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2}|35[2-8][0-9]|62[0-9]{2})[0-9]{12,15}"
    r"|(?:50(?:18|20|38)|5893|6304|6759|676[1-3])[0-9]{9,15}"
)
_CARD_DIGITS = range(13, 20)
SMALLEST_CARD = 10**12
#: As they are printed on cards; more digits in groups are a table of numbers.
_CARD_GROUPS = ((4, 6, 5), (4, 6, 4))
#: Groups of digits in one row. Real ones hold a handful; what is made to hold millions is hidden
#: from there on, so that a report costs no minutes.
_MOST_GROUPS = 1000


def hide_cards(row: str) -> str:
    """Return a row of digits, perhaps in groups, with the card numbers in it replaced."""
    groups = re.split(r"([ -])", row, maxsplit=_MOST_GROUPS)
    rest = SCRUBBED if len(groups) > 2 * _MOST_GROUPS else groups[-1]
    groups[-1] = rest
    first = 0
    while first < len(groups):
        last = _find_card(groups, first) if groups[first][0] in "23456" else None
        if last is not None:
            groups[first : last + 1] = [SCRUBBED]
        first += 2
    return "".join(groups)


def is_card(digits: str) -> bool:
    """Return whether it is a card number: an issuer's first digits, and Luhn's check digit.

    The check digit is that of ISO/IEC 7812-1, annex B.
    """
    if len(digits) not in _CARD_DIGITS or not _CARD.fullmatch(digits):
        return False
    numbers = [int(digit) for digit in digits]
    doubled = (2 * number - 9 * (number > 4) for number in numbers[-2::-2])
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def _find_card(groups: list[str], first: int) -> int | None:
    """Return where the longest card number that begins at ``first`` ends.

    ``groups`` are digits at even places, and between them what separates them.
    """
    found = None
    for last in range(first, min(first + 9, len(groups)), 2):
        sizes = tuple(map(len, groups[first : last + 1 : 2]))
        in_fours = sizes[-1] <= 4 and all(size == 4 for size in sizes[:-1])
        as_printed = len(sizes) == 1 or in_fours or sizes in _CARD_GROUPS
        if as_printed and is_card("".join(groups[first : last + 1 : 2])):
            found = last
    return found

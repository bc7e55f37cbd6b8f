"""Hostile text made fit to be shown, before a notifier escapes it in its vendor's way. Pure."""

import re

#: They end lines or mean something to programs, never to a reader: C0 and DEL become their pictures
#: (U+2400 and on), C1 the replacement character.
_CONTROLS: dict[int, int | str] = {
    code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"
}
_CONTROLS |= {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
#: They turn text around, or hide what stands in it (Unicode TR 36, section 2): marks, embeddings,
#: overrides and isolates of direction; spaces without width and other fillers, separators. The two
#: joiners are left alone: emoji and Persian are written with them.
_HIDDEN = (
    *(0xAD, 0x61C, 0x115F, 0x1160, 0x180E, 0x200B, 0x200E, 0x200F, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0080),
)
_VISIBLE = _CONTROLS | {code: f"[U+{code:04X}]" for code in _HIDDEN}
_VISIBLE_SINGLE = _CONTROLS | dict.fromkeys(_HIDDEN, 0xFFFD)
_LINE_BREAK = re.compile(r"\r\n?")
_SPACE = re.compile(r"\s+")

ELLIPSIS = "…"


def visible(text: str) -> str:
    """Return the text with what cannot be seen made visible; line breaks are line feeds."""
    return _LINE_BREAK.sub("\n", text).translate(_VISIBLE)


def visible_line(text: str) -> str:
    """Return the text on one line and made visible, no longer than it was."""
    return _SPACE.sub(" ", text).translate(_VISIBLE_SINGLE).strip()


def cut(text: str, limit: int) -> str:
    """Return at most so many characters, the last an ellipsis where some are missing."""
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)] + ELLIPSIS


def show(text: str, limit: int) -> str:
    """Return the text visible and cut."""
    # Cut first as well, so that a long text is not looked at whole.
    return cut(visible(cut(text, limit)), limit)


def safe_link(link: str | None) -> str | None:
    """Return the link with what could end it percent-encoded; None unless it is a web page's.

    Its values are encoded, but the template that it is made of is anybody's.
    """
    if link is None or not link.lower().startswith(("https://", "http://")):
        return None
    return re.sub(r"[^!#-;=?-Z\[\]_a-z~]", _percent, link)


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())

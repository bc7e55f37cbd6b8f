"""How much text of a report has room on its page. Pure.

A page must stay small whatever a client sends; text that does not repeat does not get smaller by
compressing it, so that room is counted in bytes of UTF-8. What has none is there in the raw JSON.
"""


class Room:
    """Bytes that may still be shown; what a part of it uses, the whole has used."""

    def __init__(self, size_bytes: int, whole: "Room | None" = None) -> None:
        self.left_bytes = size_bytes
        self._whole = whole

    @property
    def is_full(self) -> bool:
        """Whether nothing more has room."""
        return self.left_bytes <= 0

    def part(self, most_bytes: int) -> "Room":
        """Return a part of what is left, of so many bytes at most."""
        return Room(max(0, min(most_bytes, self.left_bytes)), self)

    def cut(self, text: str, most: int) -> str:
        """Return the beginning of the text that has room, ``most`` characters of it at most."""
        text = text[:most]
        size_bytes = _size(text)
        if size_bytes > self.left_bytes:
            encoded = text.encode(errors="replace")[: max(0, self.left_bytes)]
            text = encoded.decode(errors="ignore")
            # Full, also where a character of several bytes has left one or two.
            size_bytes = self.left_bytes
        self._use(size_bytes)
        return text

    def _use(self, size_bytes: int) -> None:
        self.left_bytes -= size_bytes
        if self._whole is not None:
            self._whole._use(size_bytes)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))

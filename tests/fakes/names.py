"""Name servers, played by tests."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from faultline_lite.egress.destinations import Address


class FakeNames:
    """Resolves names to the addresses given; each look-up takes the next answer, the last stays."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[Address]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if answers is None:
            raise OSError("no such name")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(address) for address in addresses]

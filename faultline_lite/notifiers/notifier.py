"""What every notifier offers and what it is given."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from faultline_lite.egress.guard import MAX_ANSWER_BYTES, HttpResponse
from faultline_lite.notifications.channels import ChannelConfig
from faultline_lite.notifications.messages import Message, Resolution
from faultline_lite.sentences import Sentence

C = TypeVar("C", bound=ChannelConfig)


class Http(Protocol):
    """The way out; the egress guard is the one that ships."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> HttpResponse:
        """Send one request and return whatever is answered, redirects included, its body cut.

        Raises NotifyError: permanent where the destination is refused, temporary where it could
        not be reached or did not answer in time.
        """

    async def run_guarded(self, module: str, content: bytes) -> bytes:
        """Have a module's ``main`` do what it does in a process whose connections are checked.

        Raises NotifyError, temporary, where it does not end well or in time.
        """


class TrackedIssues(Protocol):
    """Which issue of the channel's tracker stands for an error."""

    async def get_number(self, error_id: int) -> int | None:
        """Return the remembered number, None where there is none."""

    async def set_number(self, error_id: int, number: int | None) -> None:
        """Remember the number, or forget it."""

    def turn(self, place: str) -> AbstractAsyncContextManager[None]:
        """Wait for the turn to look for an issue in that place, and to open it where there is none.

        Channels of other credentials may lead to one repository, and each would find no issue while
        the other opens it. ``place`` names the tracker, the repository and the title; ``Turns``
        keeps the order.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier(Generic[C]):
    """One kind of channel.

    ``send`` and ``close`` return what happened, in some words for the delivery's record ("issue
    #12 opened"), or raise NotifyError; no secret may be in either. ``send`` gets messages of one
    error each where ``one_error_each``, as issue trackers want them; of several only where they are
    so many that a cap leaves no room for one of each. ``close`` does what ``close_on_resolve`` asks
    for.
    """

    config: type[C]
    send: Callable[[Http, C, Message, TrackedIssues], Awaitable[Sentence]]
    one_error_each: bool = False
    close: Callable[[Http, C, Resolution, TrackedIssues], Awaitable[Sentence]] | None = None

    @property
    def type(self) -> str:
        """The ``type`` of its configs."""
        return self.config.TYPE

"""The only way out: one HTTP request to a host whose address was checked.

A name is looked up once for a connection, every address that it has is checked, and a checked
address is what is connected to, while certificate and ``Host`` are the name's: a name server that
answers something else the next time changes nothing. There is no client here that could follow
redirects, keep cookies, decompress, or take a proxy or a password from the environment.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from threading import Thread

import httpcore
import httpx
import msgspec

from faultline_lite import __version__
from faultline_lite.config import Config
from faultline_lite.egress.destinations import Address, Destinations, say_not_allowed
from faultline_lite.egress.guarded_process import GuardedProcesses, Policy
from faultline_lite.exceptions import NotifyError
from faultline_lite.sentences import Sentence, say

#: For all of it: name, connection, certificate, request and answer.
TIMEOUT_SECONDS = 5.0
#: What is read of an answer, unless more is asked for.
MAX_ANSWER_BYTES = 2**20
#: An address that does not answer leaves time for the next.
CONNECT_SECONDS = 2.0
MAX_ADDRESSES_TRIED = 4
#: Look-ups at the same time of names that were not found the last time. Each is a thread, which a
#: name server that does not answer holds for half a minute, and every attempt repeats it.
MAX_LOOK_UPS = 128
#: Names that were found the last time, which wait for no other; those that were used last.
MAX_KNOWN_NAMES = 256
#: Python and a large library take a second to start on a busy machine.
PROCESS_TIMEOUT_SECONDS = 10.0
KEPT_CONNECTIONS = 20
KEEP_SECONDS = 15.0

#: Returns the addresses of a host; raises OSError where there are none.
Resolve = Callable[[str], Awaitable[Sequence[Address]]]


class HttpResponse(msgspec.Struct, frozen=True):
    """An answer: ``headers`` by their names in lower case, ``body`` cut at the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Egress:
    """Sends requests to where ``destinations`` lets them go; for one event loop."""

    def __init__(
        self,
        destinations: Destinations,
        *,
        allow_http: bool = False,
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        process_timeout_seconds: float = PROCESS_TIMEOUT_SECONDS,
    ) -> None:
        policy = Policy(destinations.allow_hosts, destinations.allow_private, allow_http)
        self._processes = GuardedProcesses(policy, process_timeout_seconds)
        self._schemes = {"https", "http"} if allow_http else {"https"}
        self._backend = _GuardedBackend(destinations, resolve or SystemResolver())
        self._ssl_context = ssl_context
        self._timeout_seconds = timeout_seconds
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> HttpResponse:
        """Send one request and return whatever is answered, redirects included.

        Of the body ``max_bytes`` are read, as they come: we ask for no compression, and decompress
        nothing. Raises
        NotifyError: permanent where the destination is refused, temporary where it could not be
        reached or did not answer in time. Its reason holds nothing of the URL but addresses.
        """
        request = self._make_request(method, url, headers, content)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._send(request, max_bytes)
        except (TimeoutError, httpcore.TimeoutException) as error:
            seconds = f"{self._timeout_seconds:g}"
            raise _failure(
                say("no complete answer within {seconds} seconds", seconds=seconds)
            ) from error
        except httpcore.NetworkError as error:
            raise _failure(_explain(error)) from error
        except httpcore.ProtocolError as error:
            raise _failure(say("the answer is no HTTP, or ended too early")) from error

    def check_scheme(self, scheme: str) -> None:
        """Raise NotifyError where no request with that scheme is ever sent."""
        if scheme == "http" and scheme not in self._schemes:
            raise _refusal(say("http is not encrypted: the server's allow_http can permit it"))
        if scheme not in self._schemes:
            allowed = " and ".join(sorted(self._schemes))
            raise _refusal(
                say("the scheme of the URL is not allowed, only {schemes}", schemes=allowed)
            )

    async def run_guarded(self, module: str, content: bytes) -> bytes:
        """Have a module's ``main`` do what it does, its connections checked as ours are.

        For libraries that connect by themselves; see ``guarded_process``. Raises NotifyError,
        temporary.
        """
        return await self._processes.run(module, content)

    async def close(self) -> None:
        """Close the connections that are kept."""
        if self._pool is not None:
            await self._pool.aclose()

    def _make_request(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> httpcore.Request:
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            # Neither its words nor its cause, which quote the URL.
            raise _refusal(say("the URL is malformed")) from None
        self.check_scheme(parsed.scheme)
        if parsed.userinfo or not parsed.host:
            raise _refusal(say("the URL must have a host, and no user and password"))
        sent = {
            "Host": parsed.netloc.decode("ascii"),
            "User-Agent": f"faultline-lite/{__version__}",
            "Accept-Encoding": "identity",
            **headers,
        }
        if content is not None:
            sent["Content-Length"] = str(len(content))
        return httpcore.Request(
            method,
            httpcore.URL(
                scheme=parsed.raw_scheme,
                host=parsed.raw_host,
                port=parsed.port,
                target=parsed.raw_path,
            ),
            headers=_encode_headers(sent),
            content=content,
        )

    async def _send(self, request: httpcore.Request, max_bytes: int) -> HttpResponse:
        pool = await self._open_pool()
        response = await pool.handle_async_request(request)
        try:
            body = await _read(response.aiter_stream(), max_bytes)
        finally:
            await response.aclose()
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        return HttpResponse(response.status, headers, body)

    async def _open_pool(self) -> httpcore.AsyncConnectionPool:
        if self._ssl_context is None:
            # Reading the certificates takes tens of milliseconds, too long for the event loop.
            self._ssl_context = await asyncio.to_thread(_trust)
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=self._ssl_context,
                # No limit but that of those who send: one slow host must not take another's place.
                max_connections=None,
                max_keepalive_connections=KEPT_CONNECTIONS,
                keepalive_expiry=KEEP_SECONDS,
                network_backend=self._backend,
            )
        return self._pool


class SystemResolver:
    """Looks names up as the system does.

    A look-up cannot be cancelled, and a hostile name's may take long. So each runs in a thread of
    its own that nothing waits for at the end, one for a name however many ask for it. How many
    there are is bounded; but a name that was found the last time is looked up whatever the others
    do: the channel that works is not held up by those that hang, however many somebody names.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Future[list[Address]]] = {}
        #: The one that was found last is the last.
        self._known: dict[str, None] = {}

    async def __call__(self, host: str) -> Sequence[Address]:
        """Return the addresses in the system's order. Raises OSError."""
        answer = self._under_way.get(host)
        if answer is None:
            if host not in self._known and self._count_unknown() >= MAX_LOOK_UPS:
                raise OSError("too many names are being looked up")
            answer = asyncio.get_running_loop().create_future()
            self._under_way[host] = answer
            answer.add_done_callback(lambda done: self._end(host, done))
            Thread(target=self._look_up, args=(host, answer), daemon=True).start()
        return await asyncio.shield(answer)

    def _count_unknown(self) -> int:
        return len(self._under_way.keys() - self._known.keys())

    def _end(self, host: str, answer: asyncio.Future[list[Address]]) -> None:
        del self._under_way[host]
        self._known.pop(host, None)
        # Whoever waited may have given up; then nobody else asks for the failure.
        if not answer.cancelled() and answer.exception() is None:
            self._known[host] = None
            if len(self._known) > MAX_KNOWN_NAMES:
                del self._known[next(iter(self._known))]

    def _look_up(self, host: str, answer: asyncio.Future[list[Address]]) -> None:
        result: list[Address] | OSError
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            result = [ip_address(address[0]) for *_, address in found]
        except (OSError, UnicodeError) as error:
            result = OSError(str(error))
        # The loop may be closed by now.
        with contextlib.suppress(RuntimeError):
            answer.get_loop().call_soon_threadsafe(_settle, answer, result)


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Makes the connections, to checked addresses only."""

    def __init__(self, destinations: Destinations, resolve: Resolve) -> None:
        self._destinations = destinations
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of the host that answers, if all of them are allowed."""
        addresses = await self._find_addresses(host)
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._backend.connect_tcp(str(address), port, CONNECT_SECONDS)
        return await self._backend.connect_tcp(str(addresses[-1]), port, timeout)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: what listens on a socket of this machine is not for reports to reach."""
        raise _refusal(say("sockets of this machine are not allowed"))

    async def _find_addresses(self, host: str) -> list[Address]:
        try:
            addresses = [ip_address(host)]
        except ValueError:
            addresses = await self._look_up(host)
        if not self._destinations.is_allowed_name(host):
            for address in addresses:
                if not self._destinations.is_allowed(address):
                    raise _refusal(say_not_allowed(address))
        return addresses[:MAX_ADDRESSES_TRIED]

    async def _look_up(self, host: str) -> list[Address]:
        try:
            addresses = list(await self._resolve(host))
        except OSError as error:
            raise _failure(say("the name of the host cannot be resolved")) from error
        if not addresses:
            raise _failure(say("the host has no address"))
        return addresses


def _trust() -> ssl.SSLContext:
    """Return a context that trusts Mozilla's authorities, and the system's own beside them."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


async def _read(chunks: AsyncIterable[bytes], max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) >= max_bytes:
            break
    return bytes(body[:max_bytes])


def _encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    try:
        encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    except UnicodeEncodeError:
        raise _refusal(say("a credential holds characters that no header can carry")) from None
    if any(set(value) & set(b"\0\r\n") for _, value in encoded):
        raise _refusal(say("a credential holds characters that no header can carry"))
    return encoded


def _settle(answer: asyncio.Future[list[Address]], result: list[Address] | OSError) -> None:
    if answer.done():
        return
    if isinstance(result, OSError):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def _explain(error: BaseException) -> Sentence:
    """Return what went wrong with the connection, in words without its URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return say("the certificate is not accepted: {detail}", detail=cause.verify_message)
        if isinstance(cause, ssl.SSLError):
            return say("no encrypted connection could be agreed on")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError):
        return say("the host cannot be connected to")
    return say("the connection was lost")


def _refusal(reason: Sentence) -> NotifyError:
    return NotifyError(reason, permanent=True)


def _failure(reason: Sentence) -> NotifyError:
    return NotifyError(reason, permanent=False)


def make_egress(config: Config) -> Egress:
    """Return the way out that the configuration allows."""
    destinations = Destinations(config.allow_hosts, allow_private=config.allow_private)
    return Egress(destinations, allow_http=config.allow_http)

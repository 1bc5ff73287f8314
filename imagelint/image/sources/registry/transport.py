"""HTTP as a registry is to be spoken to: bounded in time and redirects, retried, and credentials for one host alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from imagelint import __version__
from imagelint.errors import RegistryError
from imagelint.image.sources.registry.names import is_inward, is_loopback

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS, STALL_SECONDS = 10.0, 60.0
_ATTEMPTS = 4
_PAUSE_SECONDS, _LONGEST_PAUSE = 0.5, 20.0
_REDIRECTS = 5
_AGAIN = frozenset((429, 500, 502, 503, 504))
_REDIRECT = frozenset((301, 302, 303, 307, 308))


class Transport:
    """Requests to one registry. `patience` bounds all attempts of a request together, in seconds, None for none."""

    def __init__(self, *, plain_http: bool, patience: float | None = None) -> None:
        # Imported late: it takes longer to import than a Dockerfile to lint.
        from http.cookiejar import DefaultCookiePolicy

        import requests

        self._session = requests.Session()
        self._session.headers.update({"User-Agent": f"imagelint/{__version__}", "Accept-Encoding": "identity"})
        # Nothing of ~/.netrc is sent, and no cookie comes back.
        self._session.auth = lambda request: request
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._plain_http = plain_http
        self._deadline = None if patience is None else time.monotonic() + patience

    def close(self) -> None:
        """Closes all connections."""
        self._session.close()

    def be_patient(self) -> None:
        """Lifts the bound on the time: what takes long from here on is being read."""
        self._deadline = None

    def may_be_plain(self, host: str) -> bool:
        """Whether a host may be spoken to without TLS: this machine, or any where that was asked for."""
        return self._plain_http or is_loopback(host)

    @contextmanager
    def get(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        authorization: str | None = None,
        again: bool = True,
        data: Mapping[str, str] | None = None,
    ) -> Iterator[requests.Response]:
        """An answer, its body not read yet; redirects are followed, and what passes by itself is tried again.

        `authorization` goes to the host of the URL alone. Raises RegistryError where nothing answers.
        """
        attempts = _ATTEMPTS if again else 1
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                response = self._followed(url, headers, authorization, data)
            except RegistryError:
                raise
            except Exception as error:  # whatever the library and those below it raise
                if last or not self._pauses(attempt, None):
                    raise RegistryError(f"{urlsplit(url).netloc} does not answer: {reason(error)}") from None
                continue
            if (
                response.status_code in _AGAIN
                and not last
                and self._pauses(attempt, response.headers.get("Retry-After"))
            ):
                response.close()
                continue
            try:
                yield response
            finally:
                response.close()
            return

    def _followed(
        self, url: str, headers: Mapping[str, str], authorization: str | None, data: Mapping[str, str] | None
    ) -> requests.Response:
        first = urlsplit(url)
        at = url
        for _ in range(_REDIRECTS + 1):
            here = urlsplit(at)
            sent = dict(headers)
            if authorization and (here.scheme, here.netloc) == (first.scheme, first.netloc):
                sent["Authorization"] = authorization
            response = self._session.request(
                "GET" if data is None else "POST",
                at,
                headers=sent,
                data=data,
                stream=True,
                allow_redirects=False,
                timeout=(self._left(CONNECT_SECONDS), self._left(STALL_SECONDS)),
            )
            if response.status_code not in _REDIRECT:
                return response
            target = response.headers.get("Location", "")
            response.close()
            at = urljoin(at, target)
            self._check_redirect(first.netloc, at)
        raise RegistryError(f"{first.netloc} redirects without end")

    def _check_redirect(self, origin: str, target: str) -> None:
        """No redirect leads from TLS to plain text, or from elsewhere into this machine."""
        there = urlsplit(target)
        host = there.hostname or ""
        if there.scheme not in ("http", "https") or not host:
            raise RegistryError(f"{origin} redirects to {target[:100]}, which is no web address")
        if is_inward(host) and not is_loopback(origin):
            raise RegistryError(f"{origin} redirects to {host}, an address of this machine")
        if there.scheme == "http" and not self.may_be_plain(there.netloc):
            raise RegistryError(f"{origin} redirects to {host} without TLS", hint="--plain-http allows that")

    def _left(self, most: float) -> float:
        """How long a step may take."""
        if self._deadline is None:
            return most
        return max(min(most, self._deadline - time.monotonic()), 0.05)

    def _pauses(self, attempt: int, wanted: str | None) -> bool:
        """Waits before the next attempt; False where that would take longer than there is patience for."""
        pause = _PAUSE_SECONDS * 2 ** (attempt - 1)
        if wanted is not None and wanted.isdigit():
            pause = max(pause, float(wanted[:6]))
        if pause > _LONGEST_PAUSE or (self._deadline is not None and time.monotonic() + pause > self._deadline):
            return False
        time.sleep(pause)
        return True


def body(response: requests.Response, limit: int, what: str) -> bytes:
    """A short body, read whole; RegistryError where it is longer than the limit, or takes too long."""
    content = bytearray()
    for chunk in chunks(response, what):
        content += chunk
        if len(content) > limit:
            raise RegistryError(f"{what} has more than {limit:,} bytes")
    return bytes(content)


def chunks(response: requests.Response, what: str, size: int = 256 * 1024) -> Iterator[bytes]:
    """A body in pieces as they come. One that trickles is given up: less than a kilobyte a second after a minute."""
    start, received = time.monotonic(), 0
    while chunk := response.raw.read1(size, decode_content=False):
        received += len(chunk)
        yield chunk
        if time.monotonic() - start > STALL_SECONDS + received / 1000:
            raise RegistryError(
                f"{what} comes too slowly: {received:,} bytes in {time.monotonic() - start:.0f} seconds"
            )


def reason(error: BaseException) -> str:
    """What the system said, where it is below the libraries that pass it on; else what they say."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    text = str(error) or type(error).__name__
    return text if len(text) < 200 else f"{text[:200]}…"

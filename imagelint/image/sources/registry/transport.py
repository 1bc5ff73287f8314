"""HTTP as a registry is to be spoken to: bounded in time and redirects, retried, and credentials for one host alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

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
_NO_PROXIES: dict[str, Any] = {"http": None, "https": None, "all": None}  # None: whatever the environment says
_REDIRECT = frozenset((301, 302, 303, 307, 308))


class UntrustedError(RegistryError):
    """A registry speaks TLS, with a certificate that nobody vouches for."""


class Transport:
    """Requests to one registry. `patience` bounds all attempts of a request together, in seconds, None for none."""

    def __init__(self, *, plain_http: bool, patience: float | None = None) -> None:
        # Imported late: it takes longer to import than a Dockerfile to lint.
        from http.cookiejar import DefaultCookiePolicy

        import requests

        from imagelint.image.sources.registry.patience import bounded

        self._session = requests.Session()
        self._session.headers.update({"User-Agent": f"imagelint/{__version__}", "Accept-Encoding": "identity"})
        # Nothing of ~/.netrc is sent, and no cookie comes back.
        self._session.auth = lambda request: request
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # It would prepare the next request of a redirect, and for that read all that comes with it, and unpack it.
        self._session.get_redirect_target = lambda _: None  # type: ignore[method-assign, assignment]
        self._plain_http = plain_http
        self._deadline = None if patience is None else time.monotonic() + patience
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, bounded(STALL_SECONDS, self._overdue))

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
                if _is_untrusted(error):
                    host = urlsplit(url).netloc
                    raise UntrustedError(
                        f"{host} has a certificate that is not to be trusted: {reason(error)}",
                        hint="REQUESTS_CA_BUNDLE names a file with the certificates that are",
                    ) from None
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
            if authorization and is_same_origin(at, url):
                sent["Authorization"] = authorization
            response = self._session.request(
                "GET" if data is None else "POST",
                at,
                headers=sent,
                data=data,
                stream=True,
                allow_redirects=False,
                # As Go has it: what is for this machine, a password without TLS among it, is no proxy's business.
                proxies=_NO_PROXIES if is_loopback(here.netloc) else None,
                timeout=(self._left(CONNECT_SECONDS), self._left(STALL_SECONDS)),
            )
            if response.status_code not in _REDIRECT:
                return response
            target = response.headers.get("Location", "")
            response.close()
            at = _joined(at, target)
            self._check_redirect(first.netloc, at)
            if data is not None and not is_same_origin(at, url):
                raise RegistryError(f"{first.netloc} redirects to another host, which is to get no identity token")
        raise RegistryError(f"{first.netloc} redirects without end")

    def _check_redirect(self, origin: str, target: str) -> None:
        """No redirect leads from TLS to plain text, or from elsewhere into this machine."""
        there, host = parts(target)
        if there.scheme not in ("http", "https") or not host:
            raise RegistryError(f"{origin} redirects to {target[:100]}, which is no web address")
        self.check_inward(origin, host, "redirects to")
        if there.scheme == "http" and not self.may_be_plain(there.netloc):
            raise RegistryError(f"{origin} redirects to {host} without TLS", hint="--plain-http allows that")

    def check_inward(self, origin: str, host: str, leads_to: str) -> None:
        """Nobody but this machine itself leads into it."""
        if is_inward(host) and not is_loopback(origin):
            raise RegistryError(f"{origin} {leads_to} {host}, an address of this machine")

    def _overdue(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _left(self, most: float) -> float:
        """How long a step may take."""
        if self._deadline is None:
            return most
        return max(min(most, self._deadline - time.monotonic()), 0.05)

    def _pauses(self, attempt: int, wanted: str | None) -> bool:
        """Waits before the next attempt; False where that would take longer than there is patience for."""
        pause = _PAUSE_SECONDS * 2 ** (attempt - 1)
        if wanted is not None and wanted.isascii() and wanted.isdigit():
            pause = max(pause, float(wanted[:6]))
        if pause > _LONGEST_PAUSE or (self._deadline is not None and time.monotonic() + pause > self._deadline):
            return False
        time.sleep(pause)
        return True


def parts(url: str) -> tuple[SplitResult, str]:
    """A URL's parts, and its host in small letters; all of them empty where it is none."""
    try:
        there = urlsplit(url)
        return there, there.hostname or ""
    except ValueError:
        return urlsplit(""), ""


def _joined(base: str, target: str) -> str:
    try:
        return urljoin(base, target)
    except ValueError:
        return target


def is_same_origin(url: str, other: str) -> bool:
    """Whether two URLs lead to the same host and port in the same way."""
    return parts(url)[0][:2] == parts(other)[0][:2]


def body(response: requests.Response, limit: int, what: str) -> bytes:
    """A short body, read whole; RegistryError where it is longer than the limit."""
    content = bytearray()
    for chunk in chunks(response):
        content += chunk
        if len(content) > limit:
            raise RegistryError(f"{what} has more than {limit:,} bytes")
    return bytes(content)


def chunks(response: requests.Response, size: int = 256 * 1024, most: int | None = None) -> Iterator[bytes]:
    """A body, or no more than so many bytes of it, in pieces as they come."""
    while most is None or most > 0:
        chunk = response.raw.read1(size if most is None else min(size, most), decode_content=False)
        if not chunk:
            return
        most = None if most is None else most - len(chunk)
        yield chunk


def _is_untrusted(error: BaseException) -> bool:
    from ssl import SSLCertVerificationError

    return any(isinstance(each, SSLCertVerificationError) for each in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those below it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def reason(error: BaseException) -> str:
    """What the system said, where it is below the libraries that pass it on; else what they say."""
    for inner in _chain(error):
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
    text = str(error) or type(error).__name__
    return text if len(text) < 200 else f"{text[:200]}…"

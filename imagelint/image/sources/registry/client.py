"""The pull half of the OCI Distribution API v2: manifests and blobs of one repository, with tokens where wanted."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from imagelint.errors import BrokenImageError, ImagelintError, ImageNotFoundError, RegistryError
from imagelint.image.config import clip
from imagelint.image.limits import MIB
from imagelint.image.sources.manifests import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from imagelint.image.sources.registry import credentials
from imagelint.image.sources.registry.credentials import Credentials
from imagelint.image.sources.registry.names import Name
from imagelint.image.sources.registry.transport import (
    Transport,
    UntrustedError,
    body,
    chunks,
    is_same_origin,
    parts,
    reason,
)
from imagelint.image.tar_content import Chunk

if TYPE_CHECKING:
    import requests

_ACCEPT = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
_BLOB_ATTEMPTS = 6  # without progress
# A scheme, or a field of one: a name, and what it is.
_CHALLENGE = re.compile(r"""([\w!#$%&'*+.^`|~-]+)(?:(\s*=\s*)(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?""")
_CHALLENGE_LENGTH = 8192
_MANIFEST_ATTEMPTS = 3
_PROGRESS_BYTES = 64 * 1024
_ERROR_BYTES = 64 * 1024


class Client:
    """One repository of a registry, for as long as the transport is open; several threads may use it."""

    def __init__(self, name: Name, transport: Transport) -> None:
        self._name = name
        self._transport = transport
        self._credentials = credentials.find(name.registry)
        self._authorization: str | None = None
        self._lock = Lock()
        self._base = self._found_base()

    def manifest(self, version: str, limit: int) -> tuple[str, bytes]:
        """The media type and the bytes of the manifest or index that a tag or digest leads to."""
        what = f"{self._name.repository}:{version}" if ":" not in version else f"{self._name.repository}@{version}"
        for attempt in range(1, _MANIFEST_ATTEMPTS + 1):
            try:
                with self._get(f"{self._base}/manifests/{version}", {"Accept": _ACCEPT}) as response:
                    self._check(response, what)
                    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
                    content = body(response, limit, what)
                break
            except ImagelintError:
                raise
            except Exception as error:  # whatever the library and those below it raise
                if attempt == _MANIFEST_ATTEMPTS:
                    raise RegistryError(f"{what} breaks off at {self._name.registry}: {reason(error)}") from None
        if content[:1] != b"{" and media_type.startswith("text/"):
            raise RegistryError(f"{self._name.registry} answers with a web page ({media_type}), not with a manifest")
        return media_type, content

    def document(self, found: Descriptor) -> bytes:
        """A configuration, whole; of no more bytes than its descriptor says."""
        return b"".join(bytes(chunk) for chunk in self.blob(found))

    def blob(self, found: Descriptor, passed: Callable[[int], None] | None = None) -> Iterator[Chunk]:
        """A blob's bytes as they come; a connection that breaks is taken up where it broke.

        Raises RegistryError where that does not help, BrokenImageError where there are more or fewer bytes than the
        descriptor says. Bytes are not held against the digest here: that is for whoever has all of them.
        """
        done = before = failures = 0
        while True:
            try:
                with self._blob(found, done) as response:
                    for chunk in chunks(response):
                        done += len(chunk)
                        if done > found.size:
                            raise BrokenImageError(
                                f"blob {clip(found.digest)} is longer than the {found.size:,} bytes announced"
                            )
                        if passed is not None:
                            passed(len(chunk))
                        yield chunk
                why = f"it ends after {done:,} of {found.size:,} bytes"
            except ImagelintError:
                raise
            except Exception as error:  # whatever the library and those below it raise
                why = reason(error)
            if done == found.size:
                return
            # Who sends a byte and hangs up, over and over, has not gone on.
            failures = 1 if done - before >= _PROGRESS_BYTES else failures + 1
            before = done
            if failures >= _BLOB_ATTEMPTS:
                raise RegistryError(f"blob {clip(found.digest)} cannot be read from {self._name.registry}: {why}")

    @contextmanager
    def _blob(self, found: Descriptor, start: int) -> Iterator[requests.Response]:
        """The answer for a blob from a byte on; what comes before is passed over where the registry knows no ranges."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._get(f"{self._base}/blobs/{found.digest}", headers) as response:
            if start and response.status_code == 206:
                if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                    raise RegistryError(
                        f"{self._name.registry} sends another range of {clip(found.digest)} than asked for"
                    )
                yield response
                return
            self._check(response, f"blob {clip(found.digest)}", hint=_foreign(found))
            length = response.headers.get("Content-Length", "")
            told = int(length) if re.fullmatch("[0-9]{1,18}", length) else found.size
            if told != found.size and not response.headers.get("Content-Encoding"):
                announced = f"{found.size:,} as its manifest says"
                raise BrokenImageError(f"blob {clip(found.digest)} has {told:,} bytes, not {announced}")
            if sum(map(len, chunks(response, most=start))) < start:
                raise ConnectionError("the connection was closed")
            yield response

    @contextmanager
    def _get(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """An answer, with a token or a password where the registry asks for one."""
        with self._transport.get(url, headers, authorization=self._authorization) as response:
            if response.status_code != 401:
                yield response
                return
            challenge = response.headers.get("WWW-Authenticate", "")
            asking = response.url
        if not is_same_origin(asking, url):
            # Where a redirect led to has no claim to what the registry may know. It may still give tokens to all.
            token = self._authorized(challenge, None)
            with self._transport.get(asking, headers, authorization=token) as response:
                yield response
            return
        with self._lock:
            self._authorization = self._authorized(challenge, self._credentials)
        with self._transport.get(url, headers, authorization=self._authorization) as response:
            yield response

    def _found_base(self) -> str:
        """The address of the API: with TLS, or without where that is allowed and nothing else answers."""
        host = self._name.host
        plain = self._transport.may_be_plain(host)
        for scheme in ("https", "http") if plain else ("https",):
            try:
                url = f"{scheme}://{host}/v2/"
                with self._transport.get(url, {}, again=not plain or scheme == "http") as response:
                    if response.status_code == 401 and is_same_origin(response.url, url):
                        challenge = response.headers.get("WWW-Authenticate", "")
                        self._authorization = self._authorized(challenge, self._credentials)
                break
            except RegistryError as error:
                if scheme == "http" or not plain or isinstance(error, UntrustedError):
                    raise
        return f"{scheme}://{host}/v2/{self._name.repository}"

    def _authorized(self, challenge: str, known: Credentials | None) -> str | None:
        """The Authorization that a challenge asks for (RFC 9110; Docker's token authentication)."""
        asked = challenges(challenge)
        if "bearer" in asked:
            return f"Bearer {self._token(asked['bearer'], known)}"
        if "basic" in asked:
            return None if known is None or known.token else _basic(known.user, known.password)
        scheme = challenge.strip().partition(" ")[0][:20] or "none"
        raise RegistryError(f"{self._name.registry} asks for an authentication that is not known: {scheme}")

    def _token(self, fields: Mapping[str, str], known: Credentials | None) -> str:
        registry, realm = self._name.registry, fields.get("realm", "")
        there, host = parts(realm)
        if there.scheme != "https" and not (there.scheme == "http" and self._transport.may_be_plain(there.netloc)):
            raise RegistryError(f"{registry} wants its token to be fetched without TLS, from {clip(realm)}")
        self._transport.check_inward(registry, host, "wants its token to be fetched from")
        query = {
            "service": fields.get("service", ""),
            "scope": fields.get("scope") or f"repository:{self._name.repository}:pull",
        }
        if known is not None and known.token:
            form = {**query, "grant_type": "refresh_token", "refresh_token": known.token, "client_id": "imagelint"}
            asked = self._transport.get(realm, {}, data=form)
        else:
            url = f"{realm}{'&' if there.query else '?'}{urlencode(query)}"
            asked = self._transport.get(
                url, {}, authorization=_basic(known.user, known.password) if known is not None else None
            )
        with asked as response:
            self._check(response, f"a token of {there.netloc}")
            try:
                answer = _json(body(response, MIB, "the token"))
            except ImagelintError:
                raise
            except Exception as error:  # whatever the library and those below it raise
                raise RegistryError(f"the token of {there.netloc} breaks off: {reason(error)}") from None
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or not token or not (token.isascii() and token.isprintable()):
            raise RegistryError(f"{there.netloc} answers without a token")
        return token

    def _check(self, response: requests.Response, what: str, hint: str | None = None) -> None:
        """Tells a refusal in words."""
        status, registry = response.status_code, self._name.registry
        if status == 200:
            return
        detail = _detail(response)
        if status in (401, 403):
            refused = (
                "wants to know who asks for" if status == 401 and self._credentials is None else "does not let one pull"
            )
            login = f"`docker login {registry}`; or there is no such repository"
            raise RegistryError(f"{registry} {refused} {what}{detail}", hint=login)
        if status == 404:
            raise ImageNotFoundError(f"{registry} has no {what}{detail}", hint=hint or "look at the name and the tag")
        if status == 429:
            raise RegistryError(
                f"{registry} answers too many requests for {what}{detail}", hint="log in, or wait for a while"
            )
        raise RegistryError(f"{registry} answers {status} for {what}{detail}")


def challenges(header: str) -> dict[str, dict[str, str]]:
    """What a WWW-Authenticate header, or several in one, asks for: the fields of each scheme, in small letters.

    >>> challenges('Negotiate, Bearer realm="https://a/b",service=c, Basic realm="d, e"')
    {'negotiate': {}, 'bearer': {'realm': 'https://a/b', 'service': 'c'}, 'basic': {'realm': 'd, e'}}
    """
    found: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    for name, assigned, quoted, plain in _CHALLENGE.findall(header[:_CHALLENGE_LENGTH]):
        if not assigned:
            fields = found.setdefault(name.lower(), {})
        else:
            fields.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or plain)
    return found


def _foreign(found: Descriptor) -> str | None:
    return "it is a foreign layer, which is kept elsewhere" if found.urls else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _json(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _detail(response: requests.Response) -> str:
    """The registry's own words, as far as it has some."""
    try:
        errors = _json(body(response, _ERROR_BYTES, "the answer")).get("errors")
    except Exception:  # an answer that breaks off is no more than one without words
        return ""
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    message = first.get("message")
    return f" ({clip(message)})" if isinstance(message, str) and message else ""

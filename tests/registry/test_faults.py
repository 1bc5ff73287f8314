"""A registry as a source: right where it is right, and one clear line where it stalls, lies or leads elsewhere."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.errors import BrokenImageError, ImagelintError, ImageNotFoundError, InputError, RegistryError, UsageError
from imagelint.image.analyze import analyze
from imagelint.image.model import Image
from imagelint.image.reading import open_image, read_image
from imagelint.image.sources.registry.client import challenges
from imagelint.image.sources.registry.names import Name, is_inward, is_loopback, parse
from imagelint.testing import DOCKER, OCI, ImageBuilder, LayerBuilder, Media, layout

from ..image.test_archive import example, facts
from .server import Answer, Registry, served


def small(architecture: str = "amd64", size: int = 200_000) -> ImageBuilder:
    return ImageBuilder("x:1", architecture=architecture).layer(LayerBuilder().file("a", os.urandom(size)))


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry with one image, of which nothing can be compressed."""
    with served(Registry()) as found:
        found.put(layout(small()), "1")
        yield found


def read(registry: Registry, version: str = ":1", **more: Any) -> Image:
    return read_image(f"registry:{registry.host}/team/app{version}", **more)


def refused(registry: Registry, kind: type[ImagelintError] = RegistryError, **more: Any) -> ImagelintError:
    with pytest.raises(kind) as caught:
        read(registry, **more)
    assert "\n" not in caught.value.message
    return caught.value


class TestRight:
    @pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
    @pytest.mark.parametrize("media", [OCI, DOCKER], ids=["oci", "docker"])
    def test_the_report_is_that_of_the_archive(self, tmp_path: Path, compression: Any, media: Media) -> None:
        with served(Registry()) as registry:
            registry.put(layout(example(), compression=compression, media=media), "1")
            image = read(registry)
        assert image.source == "registry"
        assert image.verified
        assert facts(analyze(image)) == facts(analyze(read_image(str(example().save(tmp_path / "image.tar")))))

    def test_by_digest(self, registry: Registry) -> None:
        digest = next(each for each in registry.manifests if ":" in each)
        assert read(registry, f"@{digest}").layers[0].layer_bytes == 200_000
        assert read(registry, f":whatever@{digest}").layers[0].layer_bytes == 200_000

    def test_a_platform_among_several(self) -> None:
        with served(Registry()) as registry:
            registry.put(layout(small("arm64", 7), small("amd64", 9)), "1")
            said: list[str] = []
            assert read(registry, notice=said.append).layers[0].layer_bytes == 9
            assert read(registry, platform="linux/arm64").layers[0].layer_bytes == 7
            assert len(said) == 1
            assert "for 2 platforms; this is linux/amd64" in said[0]

    @pytest.mark.parametrize("told", ["application/json", "application/octet-stream", "text/plain; charset=utf-8", ""])
    def test_a_registry_that_is_a_heap_of_files(self, told: str) -> None:
        """It knows no media types, but the documents do."""
        with served(Registry()) as registry:
            registry.put(layout(small("arm64", 7), small("amd64", 9)), "1")
            registry.manifests = {name: (told, content) for name, (_, content) in registry.manifests.items()}
            assert read(registry).layers[0].layer_bytes == 9

    def test_a_layer_that_is_there_twice_is_fetched_once(self) -> None:
        layer = LayerBuilder().file("a", b"x" * 1000)
        with served(Registry()) as registry:
            registry.put(layout(ImageBuilder("x:1").layer(layer).layer(layer)), "1")
            assert len(read(registry).layers) == 2
            assert len(registry.paths("/blobs/")) == 2  # the configuration, and the layer

    def test_a_layer_is_fetched_anew_for_who_wants_to_see_it(self, registry: Registry) -> None:
        with open_image(f"registry:{registry.host}/team/app:1") as opened, opened.source.tar(0) as chunks:
            assert sum(len(chunk) for chunk in chunks) > 200_000


class TestResumed:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(cuts=st.lists(st.integers(0, 210_000), max_size=4), ranges=st.booleans())
    def test_cut_anywhere(self, cuts: list[int], ranges: bool) -> None:
        """However often the connection breaks, and whether ranges are known or not, every byte comes once."""
        with served(Registry(ranges=ranges)) as registry:
            registry.put(layout(small()), "1")
            registry.cut = cuts
            assert read(registry).layers[0].layer_bytes == 200_000

    def test_a_connection_that_always_breaks(self, registry: Registry) -> None:
        registry.cut = [0] * 100
        assert "cannot be read" in refused(registry).message

    def test_a_byte_each_time_is_no_progress(self, registry: Registry) -> None:
        registry.cut = [1] * 1000
        assert "cannot be read" in refused(registry).message
        assert len(registry.paths("/blobs/")) < 20

    @pytest.mark.parametrize("ranges", [True, False])
    def test_the_rest_of_another_blob(self, registry: Registry, ranges: bool) -> None:
        """What was changed between two connections is found out by its digest."""
        other = {digest: content[::-1] for digest, content in registry.blobs.items() if len(content) > 100_000}
        registry.ranges = ranges
        count = 0

        def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
            nonlocal count
            digest = path.rpartition("/")[2]
            if digest in other:
                count += 1
                if count == 1:
                    registry.cut = [100_000]
                else:
                    status, told, content = answer
                    return status, told, other[digest][-len(content) :]
            return answer

        registry.change = change
        refused(registry, BrokenImageError)
        assert count == 2

    def test_another_range_than_asked_for(self, registry: Registry) -> None:
        registry.cut = [1000, 100_000]

        def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
            return (206, {"Content-Range": "bytes 0-5/9"}, answer[2]) if "Range" in headers else answer

        registry.change = change
        assert "sends another range" in refused(registry).message

    def test_too_many_requests_at_first(self, registry: Registry) -> None:
        count = 0

        def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
            nonlocal count
            count += 1
            return (429, {"Retry-After": "0"}, b"") if count % 3 == 1 else answer

        registry.change = change
        assert read(registry).layers[0].layer_bytes == 200_000


def instead(part: str, answer: Answer | None) -> Any:
    """The answer for what has a part in its path; None drops the connection."""
    return lambda path, headers, right: answer if part in path else right


class TestFaults:
    @pytest.mark.parametrize(
        ("part", "answer", "message"),
        [
            ("/manifests/", (200, {"Content-Type": "text/html"}, b"<html>sign in</html>"), "answers with a web page"),
            ("/manifests/", (200, {}, b"["), "is not JSON"),
            ("/manifests/", (200, {"Content-Type": OCI.manifest}, b"{}"), "is no image's manifest"),
            ("/manifests/", (200, {"Content-Type": DOCKER.manifest.replace("v2", "v1")}, b"{}"), "old schema 1"),
            ("/manifests/", (200, {"Content-Type": OCI.manifest}, b"[" * 100_000), "is not JSON"),
            ("/manifests/", (500, {}, b"oh"), "answers 500"),
            ("/manifests/", (403, {}, b"{}"), "does not let one pull"),
            ("/manifests/", (429, {"Retry-After": "600"}, b"{}"), "too many requests"),
            ("/manifests/", (301, {"Location": "/again/manifests/"}, b""), "redirects without end"),
            ("/manifests/", (301, {"Location": "http://example.org/"}, b""), "without TLS"),
            ("/manifests/", (301, {"Location": "file:///etc/passwd"}, b""), "which is no web address"),
            ("/manifests/", None, "does not answer"),
            ("/blobs/", (200, {"Content-Type": "text/html"}, b"<html>"), "bytes, not"),
            ("/blobs/", (404, {}, b"<html>"), "has no blob"),
            ("/blobs/", None, "does not answer"),
        ],
    )
    def test_one_line(self, registry: Registry, part: str, answer: Answer | None, message: str) -> None:
        registry.change = instead(part, answer)
        assert message in refused(registry, ImagelintError).message

    def test_what_is_not_there(self, registry: Registry) -> None:
        with pytest.raises(ImageNotFoundError, match=r"has no team/app:2 \(manifest unknown\)"):
            read(registry, ":2")

    def test_bytes_of_another_digest(self, registry: Registry) -> None:
        registry.blobs = {digest: bytes(len(content)) for digest, content in registry.blobs.items()}
        assert "is not what its name says" in refused(registry, BrokenImageError).message

    def test_a_manifest_that_is_not_the_digest_asked_for(self, registry: Registry) -> None:
        digest = f"sha256:{'0' * 64}"
        registry.manifests[digest] = registry.manifests["1"]
        with pytest.raises(BrokenImageError, match="is not what its name says"):
            read(registry, f"@{digest}")

    def test_a_blob_that_does_not_end(self, registry: Registry) -> None:
        """No length is announced, and more comes than the manifest says."""

        def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
            if "/blobs/" in path and len(answer[2]) > 100_000:
                return 200, {"Content-Length": ""}, answer[2] * 5
            return answer

        registry.change = change
        assert "is longer than" in refused(registry, ImagelintError).message

    def test_a_registry_that_stalls(self, registry: Registry) -> None:
        def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
            if "/manifests/" in path:
                time.sleep(3)
            return answer

        registry.change = change
        start = time.monotonic()
        with pytest.raises(RegistryError, match="does not answer"):
            read_image(f"registry:{registry.host}/team/app:1")
        assert time.monotonic() - start < 30

    @pytest.mark.parametrize("at", range(0, 3000, 61))
    def test_a_byte_of_the_manifest_flipped(self, registry: Registry, at: int) -> None:
        media_type, content = registry.manifests["1"]
        changed = bytearray(content)
        changed[at % len(content)] ^= 0x11
        registry.manifests["1"] = (media_type, bytes(changed))
        said = "read"
        try:
            read(registry)
        except ImagelintError as error:
            said = error.message
        assert "\n" not in said


class TestElsewhere:
    def test_blobs_come_from_another_host_without_credentials(self, registry: Registry, home: Path) -> None:
        login(home, registry)
        with served(Registry(blobs=registry.blobs)) as cdn:

            def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
                if "Authorization" not in headers:
                    return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
                return (307, {"Location": f"http://{cdn.host}{path}"}, b"") if "/blobs/" in path else answer

            registry.change = change
            assert read(registry).layers[0].layer_bytes == 200_000
            assert cdn.asked
            assert not any("Authorization" in headers for _, headers in cdn.asked)

    def test_who_is_redirected_to_gets_no_password_by_asking_for_one(self, registry: Registry, home: Path) -> None:
        login(home, registry)
        with served(Registry(blobs=registry.blobs)) as other:

            def asks(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
                if path.startswith("/token"):
                    return 200, {}, b'{"token": "for-all"}'
                if headers.get("Authorization") == "Bearer for-all":
                    return answer
                return 401, {"WWW-Authenticate": f'Bearer realm="http://{other.host}/token"'}, b""

            other.change = asks

            def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
                return (307, {"Location": f"http://{other.host}{path}"}, b"") if "/blobs/" in path else answer

            registry.change = change
            assert read(registry).layers[0].layer_bytes == 200_000, "what it gives to all is enough"
            assert {headers.get("Authorization") for _, headers in other.asked} == {None, "Bearer for-all"}
            assert not any("for-all" in headers.get("Authorization", "") for _, headers in registry.asked)

            other.change = lambda path, headers, answer: (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
            other.asked.clear()
            assert "does not let one pull" in refused(registry).message
            assert other.asked
            assert not any("Authorization" in headers for _, headers in other.asked)

    def test_an_identity_token_is_not_passed_on(self, registry: Registry, home: Path) -> None:
        (home / "config.json").write_text(json.dumps({"auths": {registry.host: {"identitytoken": "i-am-ann"}}}))
        guarded(registry)
        with served(Registry()) as other:
            ask = registry.change

            def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer | None:
                if path.startswith("/token"):
                    return 307, {"Location": f"http://{other.host}/token"}, b""
                return ask(path, headers, answer)

            registry.change = change
            assert "is to get no identity token" in refused(registry).message
            assert other.asked == []

    def test_a_proxy_hears_nothing_of_this_machine(
        self, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        login(home, registry)
        guarded(registry)
        with served(Registry()) as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://{proxy.host}")
            assert read(registry).layers[0].layer_bytes == 200_000
            assert proxy.asked == []

    @pytest.mark.parametrize(
        "host",
        ["169.254.169.254", "[::1]", "127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "2130706433", "0x7f.1", "localhost."],
    )
    def test_inward_addresses(self, host: str) -> None:
        assert is_inward(host)

    @pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "8.8.8.8", "::2", "0x08080808", "é", ""])
    def test_outward_addresses(self, host: str) -> None:
        assert not is_inward(host)

    def test_nobody_else_has_a_token_fetched_from_this_machine(
        self, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from imagelint.image.sources.registry import transport

        login(home, registry)
        with served(Registry()) as inner:
            guarded(registry, realm=f"http://{inner.host}/token")
            monkeypatch.setattr(transport, "is_loopback", lambda host: host == inner.host)
            error = refused(registry, plain_http=True)
            assert "wants its token to be fetched from 127.0.0.1, an address of this machine" in error.message
            assert inner.asked == []


def login(home: Path, registry: Registry, user: str = "ann", password: str = "secret") -> None:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (home / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))


def guarded(registry: Registry, *, token: str = "t0k", realm: str | None = None) -> None:
    """Wants a token that `/token` gives to ann alone."""

    def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
        given = headers.get("Authorization", "")
        if path.startswith("/token"):
            right = given == "Basic " + base64.b64encode(b"ann:secret").decode()
            return (200, {}, json.dumps({"token": token}).encode()) if right else (401, {}, b"{}")
        if given == "Bearer t0k":
            return answer
        where = realm or f"http://{registry.host}/token"
        return 401, {"WWW-Authenticate": f'Bearer realm="{where}",service="s",scope="repository:team/app:pull"'}, b"{}"

    registry.change = change


class TestAuthentication:
    def test_a_token(self, registry: Registry, home: Path) -> None:
        login(home, registry)
        guarded(registry)
        assert read(registry).layers[0].layer_bytes == 200_000
        assert "service=s&scope=repository%3Ateam%2Fapp%3Apull" in registry.paths("/token")[0]

    def test_nobody_logged_in(self, registry: Registry) -> None:
        guarded(registry)
        error = refused(registry)
        assert "wants to know who asks" in error.message
        assert error.hint is not None
        assert f"docker login {registry.host}" in error.hint

    def test_a_token_that_does_not_help(self, registry: Registry, home: Path) -> None:
        login(home, registry)
        guarded(registry, token="wrong")
        assert "does not let one pull" in refused(registry).message
        assert len(registry.asked) < 12

    @pytest.mark.parametrize("realm", ["http://example.org/token", "ftp://x/", "", "//x", "javascript:1"])
    def test_a_realm_without_tls(self, registry: Registry, home: Path, realm: str) -> None:
        login(home, registry)
        guarded(registry, realm=realm or " ")
        assert "without TLS" in refused(registry).message

    @pytest.mark.parametrize(
        "challenge",
        [
            'Negotiate, Bearer realm="{0}",service="s", Basic realm="of another"',
            'Basic realm="a, Bearer b=c", bearer  realm = "{0}" , service = s',
            'BEARER service="s",realm="{1}",error="in\\"valid, Basic"',
            "Bearer realm={0},service=s",
            'Negotiate abc/def==, Bearer realm="{0}",realm="http://example.org/token",service=s',
        ],
    )
    def test_challenges_are_read_as_they_are_written(self, registry: Registry, home: Path, challenge: str) -> None:
        login(home, registry)
        guarded(registry)
        ask = registry.change
        where = f"http://{registry.host}/token"
        escaped = where.replace("/", "\\/")

        def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer | None:
            found = ask(path, headers, answer)
            if found is not None and "WWW-Authenticate" in found[1]:
                return 401, {"WWW-Authenticate": challenge.format(where, escaped)}, b"{}"
            return found

        registry.change = change
        assert read(registry).layers[0].layer_bytes == 200_000
        assert "service=s&" in registry.paths("/token")[0]

    @settings(deadline=None)
    @given(st.text(max_size=60), st.integers(0, 200_000))
    def test_any_challenge_is_read_in_no_time(self, text: str, more: int) -> None:
        for header in (text, text + " " * more, 'a="' * more, "a=\\" * more, "a," * more):
            challenges(header)

    @pytest.mark.parametrize("token", ["", "a\nb", "é", "漢", None, 5])
    def test_a_token_that_is_none(self, registry: Registry, home: Path, token: Any) -> None:
        login(home, registry)
        guarded(registry, token=token)
        assert "answers without a token" in refused(registry).message

    def test_an_unknown_scheme(self, registry: Registry) -> None:
        registry.change = lambda path, headers, answer: (401, {"WWW-Authenticate": "Negotiate x"}, b"")
        assert "is not known: Negotiate" in refused(registry).message

    def test_a_credential_helper(self, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        helper = home / "docker-credential-sample"
        helper.write_text('#!/bin/sh\nread server\necho "{\\"Username\\":\\"ann\\",\\"Secret\\":\\"secret\\"}"\n')
        helper.chmod(0o755)
        monkeypatch.setenv("PATH", f"{home}:{os.environ['PATH']}")
        (home / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "sample"}}))
        guarded(registry)
        assert read(registry).layers[0].layer_bytes == 200_000

    @pytest.mark.parametrize(
        ("script", "message"),
        [("echo '['", "not JSON"), ("exit 1", "wants to know"), ("echo '{}'", "wants to know")],
    )
    def test_a_helper_that_fails(
        self, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
    ) -> None:
        helper = home / "docker-credential-sample"
        helper.write_text(f"#!/bin/sh\n{script}\n")
        helper.chmod(0o755)
        monkeypatch.setenv("PATH", f"{home}:{os.environ['PATH']}")
        (home / "config.json").write_text(json.dumps({"credsStore": "sample"}))
        guarded(registry)
        assert message in refused(registry).message

    @pytest.mark.parametrize("name", ["../x", "a b", "", "$(touch x)"])
    def test_helpers_are_names(self, registry: Registry, home: Path, name: str) -> None:
        (home / "config.json").write_text(json.dumps({"credsStore": name}))
        assert "no name of a program" in refused(registry).message

    def test_a_configuration_that_is_none(self, registry: Registry, home: Path) -> None:
        (home / "config.json").write_text("{")
        assert "config.json is not JSON" in refused(registry).message


class TestNames:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("debian", Name("docker.io", "library/debian", "latest")),
            ("a/b:1.0", Name("docker.io", "a/b", "1.0")),
            ("docker.io/a/b", Name("docker.io", "a/b", "latest")),
            ("index.docker.io/debian", Name("docker.io", "library/debian", "latest")),
            ("localhost/x", Name("localhost", "x", "latest")),
            ("ghcr.io/a/b/c:x", Name("ghcr.io", "a/b/c", "x")),
            ("[::1]:5000/x", Name("[::1]:5000", "x", "latest")),
            (f"r.io/x:1@sha256:{'a' * 64}", Name("r.io", "x", f"sha256:{'a' * 64}")),
        ],
    )
    def test_names(self, text: str, name: Name) -> None:
        assert parse(text) == name

    @pytest.mark.parametrize(
        "text", ["A/b", "x:", "x@sha256:1", "x:a b", "r.io/", "r.io:1/..", "a//b", "r.io:x/y", "é"]
    )
    def test_names_of_nothing(self, text: str) -> None:
        with pytest.raises(UsageError, match="names no image"):
            parse(text)

    @settings(deadline=None)
    @given(st.text(max_size=40))
    def test_any_text_is_a_name_or_is_refused(self, text: str) -> None:
        try:
            name = parse(text)
        except UsageError:
            return
        assert not set(name.host + name.repository + name.version) & set(" \n\r\t?#\\%")

    def test_loopback(self) -> None:
        assert [is_loopback(each) for each in ("localhost:5000", "127.0.0.1", "[::1]:1", "127.1.2.3:80")] == [True] * 4
        assert [is_loopback(each) for each in ("example.org", "localhost.example.org", "128.0.0.1", "[::2]")] == [
            False
        ] * 4


def test_plain_http_is_for_this_machine_alone(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    from imagelint.image.sources.registry import transport

    monkeypatch.setattr(transport, "is_loopback", lambda host: False)
    with pytest.raises(RegistryError, match="does not answer"):
        read(registry)
    assert registry.asked == []
    assert read(registry, plain_http=True).layers[0].layer_bytes == 200_000


def test_a_limit_holds_for_a_layer(registry: Registry) -> None:
    from imagelint.image.limits import DEFAULT_LIMITS

    with pytest.raises(InputError, match="more than 100,000 bytes"):
        read(registry, limits=DEFAULT_LIMITS._replace(layer_bytes=100_000))

"""A registry as a source: right where it is right, and one clear line where it stalls, lies or leads elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.errors import BrokenImageError, ImagelintError, ImageNotFoundError, InputError, RegistryError, UsageError
from imagelint.image.analyze import analyze
from imagelint.image.reading import open_image, read_image
from imagelint.image.sources.registry.names import Name, is_loopback, parse
from imagelint.testing import DOCKER, OCI, ImageBuilder, LayerBuilder, Media, layout

from ..image.test_archive import example, facts
from .asking import read, refused, small
from .server import Answer, Registry, served


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

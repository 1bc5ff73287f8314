"""Who one is to a registry: told to it and to nobody else, in the way that it asks for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelint.image.sources.registry.client import challenges
from imagelint.image.sources.registry.names import is_inward

from .asking import guarded, login, read, refused
from .server import Answer, Registry, served


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

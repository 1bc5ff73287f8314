"""A real registry with a password, pushed to by skopeo: what `docker login` has left is enough."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from imagelint.errors import RegistryError
from imagelint.image.analyze import analyze
from imagelint.image.reading import read_image
from imagelint.testing import ImageBuilder, LayerBuilder, layout, write

from ..image.test_archive import example, facts

PROGRAMS = ("docker-registry", "htpasswd", "skopeo")
CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "{host}"}}
auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host of a registry that ann with the password secret may push to."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        reason = f"not installed: {', '.join(missing)}"
        if os.environ.get("IMAGELINT_REQUIRE_ENGINE") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, host=host))
    subprocess.run(["htpasswd", "-Bbc", str(folder / "htpasswd"), "ann", "secret"], check=True, capture_output=True)
    server = subprocess.Popen(
        ["docker-registry", "serve", str(folder / "config.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{host}/").close()
                break
            except OSError:
                time.sleep(0.1)
        yield host
    finally:
        server.terminate()
        server.wait()


def push(source: str, target: str) -> None:
    command = ["skopeo", "copy", "--quiet", "--all", "--dest-tls-verify=false", "--dest-creds", "ann:secret"]
    subprocess.run([*command, source, f"docker://{target}"], check=True, capture_output=True)


def login(home: Path, host: str) -> None:
    auth = base64.b64encode(b"ann:secret").decode()
    (home / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_the_report_is_that_of_the_archive(registry: str, home: Path, tmp_path: Path, compression: str) -> None:
    archive = example().save(tmp_path / "image.tar")
    copied = f"oci:{tmp_path}/copied:1"
    subprocess.run(
        ["skopeo", "copy", "--quiet", f"--dest-compress-format={compression}", f"docker-archive:{archive}", copied],
        check=True,
        capture_output=True,
    )
    push(copied, f"{registry}/team/example:{compression}")
    login(home, registry)
    image = read_image(f"registry:{registry}/team/example:{compression}")
    # skopeo writes the configuration anew, so that the image has another id.
    expected = read_image(str(archive))._replace(id=image.id)
    assert facts(analyze(image)) == facts(analyze(expected))
    assert image.verified
    assert sum(layer.compressed_bytes or 0 for layer in image.layers) > 0


def test_without_a_password(registry: str, home: Path) -> None:
    with pytest.raises(RegistryError, match="wants to know who asks") as caught:
        read_image(f"registry:{registry}/team/example:gzip")
    assert f"docker login {registry}" in (caught.value.hint or "")


def test_several_platforms(registry: str, home: Path, tmp_path: Path) -> None:
    layers = {"amd64": LayerBuilder().file("a", 5000), "s390x": LayerBuilder().file("a", 6000)}
    files = layout(*(ImageBuilder("x:1", architecture=name).layer(layer) for name, layer in layers.items()))
    index = files["index.json"]
    digest = sha256(index).hexdigest()
    files[f"blobs/sha256/{digest}"] = index
    entry = {"mediaType": json.loads(index)["mediaType"], "digest": f"sha256:{digest}", "size": len(index)}
    entry["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    push(f"oci:{write(files, tmp_path / 'several')}:1", f"{registry}/several:1")
    login(home, registry)
    assert read_image(f"registry:{registry}/several:1").layers[0].layer_bytes == 5000
    assert read_image(f"registry:{registry}/several:1", platform="linux/s390x").layers[0].layer_bytes == 6000

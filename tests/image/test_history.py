"""What a person reads of the builders' histories, as Docker 20.10, BuildKit 0.13 and others write them."""

from __future__ import annotations

import pytest

from imagelint.image.history import command, is_root_file_system
from imagelint.image.model import History

DIGEST = "4d2f" * 16


@pytest.mark.parametrize(
    ("created_by", "shown"),
    [
        (f"/bin/sh -c #(nop) COPY dir:{DIGEST} in ./ ", "COPY dir:… in ./"),
        (f"/bin/sh -c #(nop) ADD file:{DIGEST} in / ", "ADD file:… in /"),
        ("/bin/sh -c #(nop) WORKDIR /opt/runtime", "WORKDIR /opt/runtime"),
        ('/bin/sh -c #(nop)  CMD ["bash"]', 'CMD ["bash"]'),
        ("/bin/sh -c apt-get update", "RUN apt-get update"),
        (
            "/bin/sh -c apt-get update &&     apt-get install -y \t curl",
            "RUN apt-get update && apt-get install -y curl",
        ),
        ("|1 VERSION=3 /bin/sh -c make $VERSION", "RUN make $VERSION"),
        ("|2 A=1 B=two words /bin/sh -c make", "RUN make"),
        ("RUN /bin/sh -c make # buildkit", "RUN make"),
        ("RUN |1 TOKEN=secret /bin/sh -c make # buildkit", "RUN make"),
        ("COPY . /app # buildkit", "COPY . /app"),
        ("RUN /bin/sh -c <<EOF (make...)", "RUN <<EOF (make...)"),
        ("/bin/bash -o pipefail -c make", "/bin/bash -o pipefail -c make"),
        ("RUN /bin/bash -o pipefail -c make # buildkit", "RUN /bin/bash -o pipefail -c make"),
        ("RUN apk add git", "RUN apk add git"),
        ("bazel build ...", "bazel build ..."),
    ],
)
def test_commands(created_by: str, shown: str) -> None:
    assert command(History(created_by)) == shown


def test_where_history_says_nothing() -> None:
    assert command(None) == "(missing)"
    assert command(History("")) == "(missing)"
    assert command(History("", comment="Imported from -")) == "Imported from -"


@pytest.mark.parametrize(
    ("history", "answer"),
    [
        (History("", comment="Imported from -"), True),
        (History(f"/bin/sh -c #(nop) ADD file:{DIGEST} in / "), True),
        (History("ADD alpine-minirootfs-3.20.0-x86_64.tar.gz / # buildkit"), True),
        (History("# debian.sh --arch 'amd64' out/ 'bookworm' '@1700000000'", comment="debuerreotype 0.15"), True),
        (History("COPY rootfs /srv # buildkit"), False),
        (History("RUN /bin/sh -c make # buildkit"), False),
        (None, False),
    ],
)
def test_root_file_systems(history: History | None, answer: bool) -> None:
    assert is_root_file_system(history) is answer

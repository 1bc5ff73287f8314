"""What a person reads of an image's history: a layer's instruction, freed of what the builders put around it."""

from __future__ import annotations

import re

from imagelint.image.model import History

MISSING = "(missing)"

# The classic builder: `/bin/sh -c #(nop) COPY dir:… in /`, `/bin/sh -c apt-get update`, `|1 ARG=value /bin/sh -c …`.
# BuildKit: `RUN /bin/sh -c … # buildkit`, `RUN |1 ARG=value /bin/sh -c … # buildkit`, `COPY . /app # buildkit`.
_CLASSIC_METADATA = "/bin/sh -c #(nop) "
_BUILDKIT = " # buildkit"
_SHELL = re.compile(r"(?:RUN )?(?:\|\d+ .*?)?/bin/sh -c ", re.DOTALL)
_CONTENT_DIGEST = re.compile(r"\b(dir|file|multi):[0-9a-f]{64}\b")
_ROOT_FILE_SYSTEM = re.compile(r"ADD \S+ (?:in )?/\s*$")


def command(history: History | None) -> str:
    """The Dockerfile instruction that made a layer, on one line; `(missing)` where the image does not say.

    Values of build arguments are left out: they are no part of the instruction, and may be secret.

    >>> command(History("/bin/sh -c #(nop) COPY dir:" + "0" * 64 + " in ./ "))
    'COPY dir:… in ./'
    >>> command(History("RUN |1 TOKEN=x /bin/sh -c make   install # buildkit"))
    'RUN make install'
    """
    if history is None:
        return MISSING
    text = history.created_by.strip().removesuffix(_BUILDKIT)
    if text.startswith(_CLASSIC_METADATA):
        text = text.removeprefix(_CLASSIC_METADATA)
    elif match := _SHELL.match(text):
        text = f"RUN {text[match.end() :]}"
    text = " ".join(_CONTENT_DIGEST.sub(r"\1:…", text).split())
    return text or history.comment.strip() or MISSING


def is_root_file_system(history: History | None) -> bool:
    """Whether a first layer is a distribution's root file system, put together by no Dockerfile of one's own.

    It is where it was imported (`docker import`, debootstrap and its like leave no instruction) or added to `/`
    as a whole (`ADD rootfs.tar.xz /`). History names no base image, so of a base of several layers only this one is
    known; a caller who has the Dockerfile knows better.
    """
    if history is None:
        return False
    text = command(history)
    imported = history.comment.startswith("Imported from") or not history.created_by.strip() or text.startswith("#")
    return imported or _ROOT_FILE_SYSTEM.match(text) is not None

"""What a Dockerfile alone cannot say: the target, the build arguments, and which files the build gets to see."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelint.dockerfile.ignorefile import IgnoreFile


class BuildContext:
    """How a Dockerfile is built: its target, its build arguments, its own path and the folder of the build context.

    Nothing is read before it is asked for. Without `context_dir` the context is the Dockerfile's folder; where neither
    is known (standard input), nothing is ignored.
    """

    def __init__(
        self,
        target: str | None = None,
        build_args: Mapping[str, str] | None = None,
        context_dir: str | None = None,
        dockerfile: str | None = None,
    ) -> None:
        self.target = target
        self.build_args: Mapping[str, str] = build_args or {}
        self.dockerfile = dockerfile
        if context_dir is None and dockerfile is not None:
            context_dir = os.path.dirname(dockerfile) or "."
        self.context_dir = context_dir

    @cached_property
    def ignore_file(self) -> IgnoreFile | None:
        """The ignore file that holds: `Dockerfile.dockerignore` beside the Dockerfile, or the context's own."""
        from imagelint.dockerfile import ignorefile  # only for those who ask: a plain check reads no ignore file

        if self.dockerfile is not None and (own := ignorefile.read(self.dockerfile + ".dockerignore")):
            return own
        return ignorefile.read(os.path.join(self.context_dir, ".dockerignore")) if self.context_dir else None

    def ignores(self, path: str) -> bool:
        """Whether the build cannot see a path of its context, because it or a folder above it is ignored."""
        return self.ignore_file is not None and self.ignore_file.ignores(path)

"""What a Dockerfile alone cannot say: how it is built, which files the build sees, and what its owners demand."""

from __future__ import annotations

import os
from types import MappingProxyType

from imagelint.records import TYPE_CHECKING, NamedTuple, cached_property

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelint.dockerfile.ignorefile import IgnoreFile


class Demands(NamedTuple):
    """What the owners of a Dockerfile ask of every one: registries to take images from, labels to set.

    `registries` are host names with an optional `*` at either end, none for any registry; `labels` are the types by
    name (text, rfc3339, semver, url, hash, spdx, email); with `strict_labels` there may be no others.
    """

    registries: tuple[str, ...] = ()
    labels: Mapping[str, str] = MappingProxyType({})
    strict_labels: bool = False


class BaseImage(NamedTuple):
    """What is known of an image that a stage is built on: its environment, and its platform such as linux/amd64."""

    environment: Mapping[str, str]
    platform: str | None = None


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
        demands: Demands = Demands(),  # noqa: B008 - it is immutable
        images: Mapping[str, BaseImage] = MappingProxyType({}),
    ) -> None:
        self.target = target
        self.build_args: Mapping[str, str] = build_args or {}
        self.dockerfile = dockerfile
        self.demands = demands
        #: The base images that are known, by the name that FROM has for them.
        self.images = images
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

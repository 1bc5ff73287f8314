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


class Folder:
    """The folder of a build context. Whatever of it is asked for is read once, for all Dockerfiles that share it."""

    #: No more names than these are read of one.
    MAX_NAMES = 500

    def __init__(self, path: str) -> None:
        self.path = path

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in it; none where it cannot be read."""
        names: set[str] = set()
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    names.add(entry.name)
                    if len(names) >= self.MAX_NAMES:
                        break
        except (OSError, ValueError):
            return frozenset()
        return frozenset(names)

    @cached_property
    def ignore_file(self) -> IgnoreFile | None:
        """Its `.dockerignore`."""
        from imagelint.dockerfile import ignorefile  # only for those who ask: a plain check reads no ignore file

        return ignorefile.read(os.path.join(self.path, ".dockerignore"))


class BuildContext:
    """How a Dockerfile is built: its target, its build arguments, its own path and the folder of the build context.

    Nothing is read before it is asked for. Without `context_dir` the context is the Dockerfile's folder; where neither
    is known (standard input), nothing is ignored. Who lints many Dockerfiles passes the `folders` known so far.
    """

    def __init__(
        self,
        target: str | None = None,
        build_args: Mapping[str, str] | None = None,
        context_dir: str | None = None,
        dockerfile: str | None = None,
        demands: Demands = Demands(),  # noqa: B008 - it is immutable
        images: Mapping[str, BaseImage] = MappingProxyType({}),
        folders: dict[str, Folder] | None = None,
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
        self._folders = {} if folders is None else folders

    @cached_property
    def folder(self) -> Folder | None:
        """The folder of the build context, if it is known."""
        if self.context_dir is None:
            return None
        return self._folders.setdefault(self.context_dir, Folder(self.context_dir))

    @cached_property
    def ignore_file(self) -> IgnoreFile | None:
        """The ignore file that holds: `Dockerfile.dockerignore` beside the Dockerfile, or the context's own."""
        from imagelint.dockerfile import ignorefile  # only for those who ask: a plain check reads no ignore file

        if self.dockerfile is not None and (own := ignorefile.read(self.dockerfile + ".dockerignore")):
            return own
        return self.folder.ignore_file if self.folder else None

    def ignores(self, path: str) -> bool:
        """Whether the build cannot see a path of its context, because it or a folder above it is ignored."""
        return self.ignore_file is not None and self.ignore_file.ignores(path)

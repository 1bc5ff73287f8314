"""Known caches and leftovers among an image's live files: by where they lie, what left them, and their bytes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from imagelint.image.report import Leftover

# What a container does not need to run: folders (the whole path below them counts), by the start of a path or anywhere.
_CACHES: tuple[tuple[str, str], ...] = (
    ("apt's package lists", r"var/lib/apt/lists"),
    ("apt's downloaded packages and index caches", r"var/cache/apt"),
    ("apk's cache", r"var/cache/apk|etc/apk/cache"),
    ("dnf's and yum's caches", r"var/cache/(?:dnf|yum|libdnf5)"),
    ("zypper's cache", r"var/cache/zypp"),
    ("pacman's cache", r"var/cache/pacman"),
    ("pip's cache", r"(?:root|home/[^/]+)/\.cache/pip"),
    ("uv's and poetry's caches", r"(?:root|home/[^/]+)/\.cache/(?:uv|pypoetry)"),
    ("conda's packages", r"(?:.*/)?(?:conda|miniconda3?|anaconda3?)/pkgs"),
    ("npm's cache", r"(?:root|home/[^/]+)/\.npm"),
    ("yarn's and pnpm's stores", r"(?:usr/local/share/\.cache/yarn|.*/\.cache/yarn|.*/\.yarn/berry|.*/\.pnpm-store)"),
    (
        "gem's cache and documentation",
        # Of several `ruby` and `bundle` only the first is tried: else deep folders of that name would take very long.
        r"(?:.*/)?gems/[^/]+/(?:cache|doc)"
        r"|(?>(?:(?!(?:ruby|bundle)/)[^/]*/)*)(?:ruby|bundle)/(?:.*/)?cache(?=/[^/]+\.gem)",
    ),
    ("composer's cache", r"(?:.*/)?\.composer/cache|(?:.*/)?\.cache/composer"),
    ("Go's caches", r"(?:root|home/[^/]+)/\.cache/go-build|(?:root/)?go/pkg/mod/cache"),
    ("cargo's registry", r"(?:.*/)?\.?cargo/registry"),
    ("Maven's and Gradle's caches", r"(?:root|home/[^/]+)/\.(?:m2/repository|gradle/caches)"),
    ("other caches in home folders", r"(?:root|home/[^/]+)/\.cache"),
)
_OTHERS: tuple[tuple[str, str], ...] = (
    ("Python's compiled files", r"(?:.*/)?__pycache__"),
    ("version control", r"(?:.*/)?\.(?:git|svn|hg)"),
    ("temporary files", r"(?:var/)?tmp"),
    ("logs", r"var/log"),
    ("manual pages", r"usr/(?:local/)?share/man"),
    ("documentation", r"usr/(?:local/)?share/(?:doc|info|gtk-doc)"),
    ("translations", r"usr/(?:local/)?share/locale"),
)
_FOLDERS = (*_CACHES, *_OTHERS)
_ARCHIVE = re.compile(r"\.(?:tar(?:\.(?:gz|xz|bz2|zst))?|tgz|txz|tbz2|zip|deb|rpm|whl)$")
_ENDINGS = tuple(".tar .gz .xz .bz2 .zst .tgz .txz .tbz2 .zip .deb .rpm .whl".split())
_CACHE_KINDS = frozenset(kind for kind, _ in _CACHES)
_MATCH = re.compile("|".join(f"(?P<g{number}>{pattern})(?:/|$)" for number, (_, pattern) in enumerate(_FOLDERS)))


def leftovers(
    files: Mapping[str, Sequence[str]], bytes_of: Callable[[str], int], linked: Mapping[str, Sequence[str]]
) -> tuple[Leftover, ...]:
    """What is left over, the largest first. `files` are the live files by folder.

    Of those that have more live paths than one, `linked` has the others: all of them have to be left over too.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    kept = {path for path, others in linked.items() if not all(map(_is_left_over, others))}
    for folder, inside in files.items():
        kind = _kind(folder)
        if kind is not None:
            found[kind] += inside if kept.isdisjoint(inside) else [path for path in inside if path not in kept]
        elif archives := [path for path in inside if _is_archive(path) and path not in kept]:
            found["archives"] += archives
    kinds = (
        Leftover(kind, sum(map(bytes_of, each)), len(each), f"/{max(each, key=bytes_of)}")
        for kind, each in found.items()
        if each
    )
    return tuple(sorted(kinds, key=lambda each: (-each.bytes, each.kind)))


def cache_of(folder: str) -> str | None:
    """The cache that a folder is in, or None: what can be fetched again, and a container never asks for."""
    kind = _kind(folder)
    return kind if kind in _CACHE_KINDS else None


def _is_left_over(path: str) -> bool:
    return _is_archive(path) or _kind(path.rpartition("/")[0]) is not None


def _is_archive(path: str) -> bool:
    return path.endswith(_ENDINGS) and _ARCHIVE.search(path) is not None


def _kind(folder: str) -> str | None:
    match = _MATCH.match(folder)
    return _FOLDERS[int((match.lastgroup or "g0")[1:])][0] if match else None

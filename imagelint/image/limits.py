"""How much an image may ask for before it is called broken: nothing that an archive claims is taken on trust."""

from __future__ import annotations

from imagelint.records import NamedTuple

GIB = 1 << 30
MIB = 1 << 20

# What Linux lets a path have (PATH_MAX): no container can hold a file of a longer one.
PATH_BYTES = 4096


class Limits(NamedTuple):
    """The bounds within which an image is read; going over one raises BrokenImageError. `…_bytes` are bytes."""

    layer_bytes: int = 64 * GIB
    """One layer's uncompressed tar, and what one compressed blob may unpack to."""

    entries: int = 5_000_000
    """Tar entries of all layers together; one takes about 250 bytes of memory."""

    layers: int = 1024
    """Layers, repeated ones included; Docker itself allows 127."""

    name_bytes: int = 512 * MIB
    """The paths of one layer's entries together."""

    implied_bytes: int = 64 * MIB
    """The paths of all directories that no entry names, which a few deep paths can make many."""

    document_bytes: int = 16 * MIB
    """One JSON document: a manifest or a configuration."""


DEFAULT_LIMITS = Limits()

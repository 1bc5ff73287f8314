"""For tests of one's own: the examples of rules run, and images made in memory as `docker save` writes them."""

from imagelint.testing.images import (
    DOCKER,
    OCI,
    ImageBuilder,
    LayerBuilder,
    Media,
    archive,
    image_entry,
    layout,
    tar_of,
    write,
)
from imagelint.testing.packages import check_rules
from imagelint.testing.rules import check_rule

__all__ = [
    "DOCKER",
    "OCI",
    "ImageBuilder",
    "LayerBuilder",
    "Media",
    "archive",
    "check_rule",
    "check_rules",
    "image_entry",
    "layout",
    "tar_of",
    "write",
]

"""For tests of one's own: the examples of rules run, and images made in memory as `docker save` writes them."""

from imagelint.testing.images import ImageBuilder, LayerBuilder, archive, tar_of
from imagelint.testing.packages import check_rules
from imagelint.testing.rules import check_rule

__all__ = ["ImageBuilder", "LayerBuilder", "archive", "check_rule", "check_rules", "tar_of"]

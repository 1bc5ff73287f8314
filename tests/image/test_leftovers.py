"""Which cache a folder is in."""

from __future__ import annotations

import pytest

from imagelint.image.leftovers import cache_of

GEM = "gem's cache and documentation"


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("var/lib/apt/lists", "apt's package lists"),
        ("var/lib/apt/lists/partial", "apt's package lists"),
        ("var/lib/apt/listsx", None),
        ("srv/var/lib/apt/lists", None),
        ("root/.cache/pip/http", "pip's cache"),
        ("root/.cache/other", "other caches in home folders"),
        ("opt/conda/pkgs/x", "conda's packages"),
        ("usr/lib/ruby/gems/3.3.0/cache", GEM),
        ("usr/lib/gems/3.3.0/lib/cache", None),
        ("usr/lib/ruby/cache/x.gem", GEM),
        ("srv/app/vendor/bundle/ruby/3.3.0/cache/x.gem/lib", GEM),
        ("ruby/cache/lib/bundle/cache/x.gem", GEM),
        ("usr/lib/ruby/cache/lib", None),
        ("usr/lib/jruby/cache/x.gem", None),
        ("cache/x.gem/ruby", None),
        ("ruby/" * 800 + "cache", None),
        ("ruby/" * 800 + "cache/x.gem", GEM),
        ("var/log", None),
    ],
)
def test_cache_of(folder: str, kind: str | None) -> None:
    assert cache_of(folder) == kind

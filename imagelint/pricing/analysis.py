"""Everything that is told of an image: what `analyze` reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from imagelint.attribution import Attribution
from imagelint.dockerfile.instructions import Instruction
from imagelint.finding import FileReport
from imagelint.image.report import Report
from imagelint.pricing.bases import Candidate
from imagelint.pricing.predictions import Prediction
from imagelint.pricing.rebuild import Rebuild
from imagelint.records import NamedTuple


class Analysis(NamedTuple):
    """An image's report, and what its Dockerfile adds to it.

    `path` is the Dockerfile's, `instructions` are those behind the layers, by index, as far as that is known; `file`
    are its findings with their prices, `attribution` says how many of its lines the image's history has.
    """

    report: Report
    path: str = ""
    instructions: Mapping[int, Instruction] = MappingProxyType({})
    file: FileReport | None = None
    attribution: Attribution | None = None
    predictions: Sequence[Prediction] = ()
    rebuilds: Sequence[Rebuild] = ()
    candidates: Sequence[Candidate] = ()

"""The build graph: stages and instructions, how each depends on the others, and what the file alone cannot say."""

from imagelint.graph.build import BuildGraph
from imagelint.graph.context import BaseImage, BuildContext, Demands, Folder
from imagelint.graph.stage import PLATFORM_ARGS, Stage

__all__ = ["PLATFORM_ARGS", "BaseImage", "BuildContext", "BuildGraph", "Demands", "Folder", "Stage"]

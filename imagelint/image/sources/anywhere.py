"""A name without a prefix: an image of the Docker engine, or, where that has none or does not run, of a registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from imagelint.errors import EngineError, ImagelintError, ImageNotFoundError, UsageError
from imagelint.image.sources.engine import Engine
from imagelint.image.sources.interface import OpenImage, Reading

PATIENCE_SECONDS = 10.0
"""How long a registry may take that nobody has named outright."""


@dataclass(frozen=True, slots=True)
class Anywhere:
    """An image by its name alone."""

    reference: str
    name: str

    @contextmanager
    def open(self, reading: Reading) -> Iterator[OpenImage]:
        """Asks the engine, then once the registry; that it does is said."""
        with ExitStack() as stack:
            try:
                found: OpenImage = stack.enter_context(Engine(self.reference, self.name).open(reading))
            except (ImageNotFoundError, EngineError) as error:
                found = self._from_registry(stack, reading, error)
            yield found

    def _from_registry(self, stack: ExitStack, reading: Reading, error: ImagelintError) -> OpenImage:
        from imagelint.image.sources.registry.names import parse
        from imagelint.image.sources.registry.source import Registry

        try:
            registry = parse(self.name).registry
        except UsageError:
            raise error from None  # an id, or a name that no registry could have
        reading.say(f"{error.message}; asking {registry}")
        source = Registry(self.reference, self.name, patience=PATIENCE_SECONDS)
        try:
            return stack.enter_context(source.open(reading))
        except ImagelintError as second:
            raise type(error)(f"{error.message}, and {second.message}", hint=error.hint) from None

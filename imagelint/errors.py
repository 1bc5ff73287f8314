"""What can go wrong, by who must act; each error is one line for a person: what, where, what to do next."""


class ImagelintError(Exception):
    """The root of every error that imagelint raises on purpose.

    `hint` says what the reader can do next; it is printed on a line of its own.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ImagelintError):
    """The command line or a configuration asks for something that does not exist or makes no sense."""


class InputError(ImagelintError):
    """A file, an image or a baseline that was named cannot be read or is not what it claims to be."""


class NotADockerfileError(InputError):
    """A file is text of another kind: a template, prose. Found in a folder it is passed over, named it is an error."""


class ImageNotFoundError(InputError):
    """No image of that reference is where it was looked for."""


class BrokenImageError(InputError):
    """An image archive, a layer or a manifest is truncated, corrupt or lying."""


class EngineError(ImagelintError):
    """A container engine does not answer, or answers with an error of its own."""


class RegistryError(ImagelintError):
    """A registry does not answer, refuses to, or answers with something that is none of its protocol."""


class PluginError(ImagelintError):
    """A rule plug-in cannot be loaded or is not a rule; a run never goes on with fewer rules than asked for."""


class DockerfileError(ImagelintError):
    """A Dockerfile cannot be understood as one; carried by the syntax errors of a parsed file, raised by `expand`."""

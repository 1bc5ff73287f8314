"""imagelint lints Dockerfiles, weighs the images they make, and fails builds that grew."""

__version__ = "0.1.0"

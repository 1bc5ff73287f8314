"""Images in registries, read straight over the OCI Distribution API, without an engine."""

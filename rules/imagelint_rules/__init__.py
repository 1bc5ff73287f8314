"""imagelint's own rules: a module per subject, found and loaded like any other plug-in."""

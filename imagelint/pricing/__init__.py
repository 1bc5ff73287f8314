"""Where the two halves meet: what a finding costs in an image's layers, and what the image would be without it."""

"""The image half: where an image is read from, what its layers hold, and what of that is reclaimable."""

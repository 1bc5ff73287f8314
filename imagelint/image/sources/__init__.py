"""Where an image is read from: each source gives a whole `Image`, and none knows of another's."""

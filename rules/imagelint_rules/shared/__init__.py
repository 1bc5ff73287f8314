"""What several rule modules need to know of a Dockerfile; no module in here declares a rule."""

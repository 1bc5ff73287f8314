"""Tests with a real Docker engine and real images."""

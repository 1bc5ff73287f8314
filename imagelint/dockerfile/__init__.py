"""The Dockerfile language as BuildKit reads it: lossless source, instructions, words, shell."""

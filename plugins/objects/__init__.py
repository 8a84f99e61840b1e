"""Kubernetes objects as small structs that name only the fields agents read."""

"""Runbooks: read in many formats, kept in a library, found by their words, names and meaning."""

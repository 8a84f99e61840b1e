"""Composition root and front ends: wiring, command line, REST."""

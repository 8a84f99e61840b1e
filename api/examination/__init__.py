"""Examines a language model on what incidents would ask of it; the papers are the YAML files here, written for this."""

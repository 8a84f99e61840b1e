"""Answers assistants over the Model Context Protocol: the same questions as REST, in the size that a model can read."""

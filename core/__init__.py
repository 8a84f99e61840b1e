"""The nouns, the contracts and the flow of a diagnosis; imports nothing above it."""

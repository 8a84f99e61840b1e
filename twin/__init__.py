"""The component graph with history."""

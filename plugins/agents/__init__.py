"""Agents: each looks at one speciality and reports facts."""

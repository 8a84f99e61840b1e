"""Reads what people write about an incident, in any of a dozen languages: when, where, what they see, who is to be asked."""

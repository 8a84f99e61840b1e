"""Intake: what alerting systems post becomes few incidents, and nothing is lost without a count."""

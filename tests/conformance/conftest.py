"""Hypothesis profiles: ``--hypothesis-profile=conformance`` runs ten times as many programs."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("conformance", max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))

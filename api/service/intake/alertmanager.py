"""Alertmanager: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config."""

from __future__ import annotations

from sre_orchestrator.api.service.intake.grouped import Grouped

FORMAT = Grouped("alertmanager")

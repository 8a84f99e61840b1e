"""Grafana: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier."""

from __future__ import annotations

from sre_orchestrator.api.service.intake.grouped import Grouped

FORMAT = Grouped("grafana")

"""Renders a report: JSON for programs, text and Markdown for people, proof trees."""

from sre_orchestrator.api.render.outline import outline
from sre_orchestrator.api.render.proof import proof_text
from sre_orchestrator.api.render.written import json_text, markdown, print_report, text

__all__ = ["json_text", "markdown", "outline", "print_report", "proof_text", "text"]

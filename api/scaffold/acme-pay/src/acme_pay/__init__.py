"""Lets SRE-Orchestrator see when Acme Pay is down."""

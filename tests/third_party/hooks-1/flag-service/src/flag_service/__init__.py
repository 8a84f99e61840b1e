"""Lets SRE-Orchestrator see when Flag Service is down."""

"""The database of the service: SQLite beside the program, or PostgreSQL for several replicas."""

from sre_orchestrator.api.service.store.database import Database, open_database

__all__ = ["Database", "open_database"]

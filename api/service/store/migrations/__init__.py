"""Brings a database to the schema of this version, step by step."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

LOCK = 0x5E_0C  # of PostgreSQL: replicas that start together migrate one after the other


def migrate(connection: Connection) -> None:
    """Apply the steps that are missing, in the transaction of ``connection``."""
    from alembic import command  # noqa: PLC0415 - slow to import
    from alembic.config import Config  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    command.upgrade(config, "head")

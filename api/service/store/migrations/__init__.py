"""Brings a database to the schema of this version, step by step."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from sre_orchestrator.core.errors import InputError

HERE = Path(__file__).parent
LOCK = 0x5E_0C  # of PostgreSQL: replicas that start together migrate one after the other


def migrate(connection: Connection, to: str = "head") -> None:
    """Apply the steps that are missing up to ``to``, or take back those beyond it, in the transaction of ``connection``.

    Raises:
        InputError: the database is that of a later version of this program.

    """
    if to == "head" and reached(connection) == newest():
        return
    from alembic import command  # noqa: PLC0415 - slow to import
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    take = command.upgrade if to == "head" else command.downgrade
    try:
        take(config, to)
    except CommandError as error:
        url = connection.engine.url.render_as_string(hide_password=True)
        remedy = "run that version, or give another service.database_url"
        raise InputError(f"{url}: a later version of this program wrote this database ({error}); {remedy}") from error


def reached(connection: Connection) -> str:
    """Return the last step that was applied; nothing where there was none."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def newest() -> str:
    """Return the last step of this version."""
    return max(one.name[1:5] for one in (HERE / "versions").glob("v[0-9]*_*.py"))

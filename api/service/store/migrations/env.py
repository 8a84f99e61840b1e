"""Run by alembic: migrates on the connection that it was given."""

from __future__ import annotations

from alembic import context

from sre_orchestrator.api.service.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()

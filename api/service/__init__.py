"""The service: incidents in over REST, alerts and MCP, kept in a database, investigated, and answered."""

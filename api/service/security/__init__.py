"""Who may do what: keys and tokens, namespaces, limits, the audit log."""

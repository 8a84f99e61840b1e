"""Built-in plugins: agents look, sources read, objects are the Kubernetes structs."""

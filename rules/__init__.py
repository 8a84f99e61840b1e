"""The rule book: reader, checker, engines, and the rules themselves by domain."""

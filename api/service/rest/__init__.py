"""REST: what people and programs ask of the service under ``/api/v1``."""

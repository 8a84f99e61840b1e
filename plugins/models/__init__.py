"""Language models: kinds that open them, one folder and one library each."""

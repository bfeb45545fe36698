"""The figures of a model's metadata.json as tables and charts."""

"""The annotated copy of a radiograph."""

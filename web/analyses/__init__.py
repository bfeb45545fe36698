"""The analyses that are kept: read at the desk, filed for their visitor alone, shown as My analyses."""

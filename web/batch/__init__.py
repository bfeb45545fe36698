"""Batches: uploads, unpacking, the table of results, downloads."""

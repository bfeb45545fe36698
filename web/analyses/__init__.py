"""Stored analyses: the service that makes them, their records and their images."""

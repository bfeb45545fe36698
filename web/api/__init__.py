"""The programs' interface: analyses and models as JSON, under /api/v1."""

# What lies under it answers programs, with problem details instead of pages, and never reads a cookie.
PREFIX = "/api/"
# But for this one, which people read.
DOCUMENT = f"{PREFIX}v1/openapi.json"

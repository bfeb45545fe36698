"""The programs' interface: analyses and models as JSON, under /api/v1."""

# What lies under it answers programs, with problem details instead of pages, and never reads a cookie.
PREFIX = "/api/"
# But for this one, which people read.
DOCUMENT = f"{PREFIX}v1/openapi.json"
PATH = f"{PREFIX}v1"
# The routes under it: the view of web/api/resources.py, its rule and its method.
ROUTES = {
    "create_analysis": ("/analyses", "POST"),
    "read_analysis": ("/analyses/<id>", "GET"),
    "delete_analysis": ("/analyses/<id>", "DELETE"),
    "read_picture": ("/analyses/<id>/pictures/<name>", "GET"),
    "list_models": ("/models", "GET"),
    "read_model": ("/models/<name>", "GET"),
    "read_health": ("/health", "GET"),
}

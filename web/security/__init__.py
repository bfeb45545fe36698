"""Security: headers and sessions, visitors, rate limits, slow uploads."""

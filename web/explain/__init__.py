"""How it works: one radiograph followed through every step."""

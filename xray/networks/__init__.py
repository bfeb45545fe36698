"""The networks and heads, their metadata, and what they are fed."""

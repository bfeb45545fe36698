"""Reruns of published work and comparisons; nothing that is served depends on them."""

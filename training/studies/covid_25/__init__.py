"""The 25 + 25 experiment of 2020."""

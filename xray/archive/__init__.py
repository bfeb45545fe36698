"""An archive of films: thousands to millions, on all cores of one machine or on a cluster.

`python -m xray.archive SOURCE DESTINATION`. The road of a run: find the films (sources), read each once for its
SHA-256 (contents), note in a ledger which contents have no rows yet, judge those (judge; the local engine or Ray),
and write their rows (results).
"""

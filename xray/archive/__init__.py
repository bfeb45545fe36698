"""Archives of radiographs: thousands to millions, on all cores of one machine or on a cluster.

`python -m xray archive SOURCE DESTINATION`. A run finds the files (sources), reads each once for its SHA-256, looks up
in a ledger which contents have no rows yet, has those analysed (worker; by the local engine or by Ray), and writes
their rows (results).
"""

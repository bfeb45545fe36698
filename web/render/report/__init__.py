"""The report of one analysis as PDF."""

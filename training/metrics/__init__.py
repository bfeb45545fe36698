"""Metrics of scores, with patient-level bootstrap intervals; calibration and operating points."""

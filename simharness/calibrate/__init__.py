"""Fit named parameters to recorded figures: see ``fit.py`` for the method, docs/calibration.md for its use."""

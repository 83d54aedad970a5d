"""Scenario files: reading, typed models, and error reports that name file and line."""

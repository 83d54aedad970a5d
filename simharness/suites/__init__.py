"""Bars and what comes of them: expectations, gates, suites of scenarios, and the plugin for pytest."""

"""The relations that a sound simulation must obey, tried on a user's own scenario, detectors and policies."""

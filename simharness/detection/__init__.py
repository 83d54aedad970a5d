"""Detectors under test: what they implement, how they are found, trained and turned into running risk and crossings."""

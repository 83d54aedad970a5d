"""The synthetic world: population, offenders, grammar, phrases and conversations."""

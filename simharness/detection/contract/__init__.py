"""What every detector must hold to be trusted with a run: the rules, how they are asked, and what came of it."""

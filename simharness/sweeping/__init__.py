"""A declared design over a scenario's parameters: worlds and scores are made once, and many policies replay them."""

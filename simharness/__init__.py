"""simharness: repeatable simulation experiments described by one scenario file."""

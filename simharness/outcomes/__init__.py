"""Outcomes: one replication lived through under every arm, held against the comparator conversation by conversation."""

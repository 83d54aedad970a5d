"""The search for conversations that a detector misses although the bound would not have."""

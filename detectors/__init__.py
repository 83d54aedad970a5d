"""The detectors that come with simharness, one file each; each module's docstring is its card."""

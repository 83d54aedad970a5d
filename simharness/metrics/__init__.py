"""Measures of a run: early warning, harm, survival, workload and fairness, and the intervals around them."""

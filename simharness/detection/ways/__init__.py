"""Ways in for detectors: Python objects kept apart, any process, an HTTP service, an estimator, a file of scores."""

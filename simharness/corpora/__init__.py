"""Text from outside: corpora read by the detectors under test and dropped, and synthetic worlds written as a corpus.

No text of a corpus ever leaves memory: not into results, logs, caches, tracebacks or messages of errors.
"""

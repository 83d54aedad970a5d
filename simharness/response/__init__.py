"""The response: alerts, review queues, police and people's reactions, as SimPy processes over sparse events."""

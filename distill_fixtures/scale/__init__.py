"""Answering questions beyond one process: replicas of a model, and who gives them their work."""

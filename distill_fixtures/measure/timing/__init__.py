"""Timing models in this process, in interleaved rounds."""

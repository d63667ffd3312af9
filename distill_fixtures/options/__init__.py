"""The options of a run, each described once, a module for each of their concerns."""

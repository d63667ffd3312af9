"""The machine: what limits a measurement on it, and what else it does meanwhile."""

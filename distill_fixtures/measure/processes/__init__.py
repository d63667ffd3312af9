"""Measuring in fresh processes: memory and load time alone, rounds over several of them."""

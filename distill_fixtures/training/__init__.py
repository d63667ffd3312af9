"""A training run that is still going: how far it is, whether it lives, which model it leaves."""

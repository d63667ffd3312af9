"""The suite. Installed, it is ``distill_fixtures.suite``, which pytest finds by that name only
because this file makes a package of it: ``pytest --pyargs distill_fixtures.suite``."""

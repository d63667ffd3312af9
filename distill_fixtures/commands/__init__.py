"""The subcommands of ``distill-bench``, a module each.

A module has ``add_arguments(parser)`` and ``run(given)``, which returns the exit code. It is
imported only when it is asked for.
"""

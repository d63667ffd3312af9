"""Keeps pytest from taking an option's value for a test path.

pytest looks for its ini-file before it knows a plugin's options: in ``--data-path DIR`` it then
sees an unknown flag and a path to tests, and takes the folders above DIR for the project. The
ini-file of the working folder is not found, and with it ``testpaths``. Written as
``--data-path=DIR`` the value is no word of its own and nothing goes wrong.

What this cannot mend is an ini-file above DIR that pytest itself refuses, for an unknown option in
its ``addopts`` say: pytest then stops before it asks any plugin, and names that file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from distill_fixtures.options.table import OPTIONS

__all__ = ["joined_arguments"]

FLAGS = frozenset(option.flag for option in OPTIONS if not option.switch)


def joined_arguments(arguments: Sequence[str]) -> list[str] | None:
    """The arguments with each of our flags joined to its value by ``=``.

    Returns:
        None where nothing would change: no flag of ours stands before an existing path.

    >>> joined_arguments(["-q", "--data-path", ".", "benchmarks"])
    ['-q', '--data-path=.', 'benchmarks']
    >>> joined_arguments(["--data-path=.", "--distill-seed", "3"]) is None
    True
    """
    joined: list[str] = []
    changed = False
    rest = iter(arguments)
    for argument in rest:
        value = next(rest, None) if argument in FLAGS else None
        if value is None:
            joined.append(argument)
            continue
        joined.append(f"{argument}={value}")
        changed = changed or os.path.exists(value)
    return joined if changed else None

"""Scores and traces into numbers: pure arithmetic, no clock, no model, no file, no pytest.

Modules: ``size``, ``accuracy``, ``guessing``, ``calibration``, ``agreement``, ``divergence``,
``f1``, ``retention``, ``latency``, ``memory``, ``efficiency``; and for what is uncertain
``clusters`` (questions that share a source), ``intervals`` (Wilson, joint cells), ``fieller``,
``resampling`` (bootstraps, whose draws ``weighted``, ``medians`` and ``unit_counts`` make),
``non_inferiority`` (worse than a baseline or not; ``rank_bounds``), ``multiple`` (several tests at
once) and ``exact_binomial``.
"""

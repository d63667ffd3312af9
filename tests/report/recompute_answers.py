"""Figures that come from answers, computed again from the predictions of the comparison file.

Written from the definitions alone; nothing of the package is imported.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest, entropy, norm
from scipy.stats import t as t_distribution
from sklearn.metrics import f1_score

Json = dict[str, Any]
ROLES = ("teacher", "student", "control")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _right(prediction: Json, place: Any) -> bool:
    if place is None:
        return False
    same = prediction["options"]["same_as"]
    return bool(same[place] == same[prediction["reference"]])


def is_right(prediction: Json, role: str) -> bool:
    """Multiple choice: by the options' texts. Free text: as recorded."""
    if prediction["options"] is None:
        return bool(prediction[role]["correct"])
    return _right(prediction, prediction[role]["answer"])


def _distinct(prediction: Json, role: str) -> list[float] | None:
    """Probabilities of the distinct option texts."""
    scores = prediction[role].get("log_likelihoods")
    if scores is None:
        return None
    merged: dict[int, float] = {}
    for group, p in zip(prediction["options"]["same_as"], softmax(scores).tolist(), strict=True):
        merged[group] = merged.get(group, 0.0) + p
    return list(merged.values())


def _truth(prediction: Json) -> int:
    same = prediction["options"]["same_as"]
    return list(dict.fromkeys(same)).index(same[prediction["reference"]])


def wilson(correct: int, total: int) -> list[float]:
    interval = binomtest(correct, total).proportion_ci(method="wilson")
    return [float(interval.low), float(interval.high)]


def _design_effect(predictions: Sequence[Json], residuals: Sequence[float]) -> float | None:
    """Kish's, at least 1, times (t / z)^2; None where all questions share one source."""
    n, centre = len(residuals), statistics.fmean(residuals)
    sums: dict[str, float] = {}
    for place, (prediction, residual) in enumerate(zip(predictions, residuals, strict=True)):
        source = prediction["source"]
        key = f"alone {place}" if source is None else f"source {source}"
        sums[key] = sums.get(key, 0.0) + residual - centre
    groups = len(sums)
    if groups == n:
        return 1.0
    if groups < 2:
        return None
    alone = n * statistics.variance(residuals)
    if alone == 0:
        return 1.0
    between = groups / (groups - 1) * sum(each**2 for each in sums.values())
    few = t_distribution.ppf(0.975, groups - 1) / norm.ppf(0.975)
    return float(max(1.0, between / alone * few**2))


def wilson_of_sources(predictions: Sequence[Json], role: str) -> list[float] | None:
    """Wilson's interval with the counts divided by the design effect: the two p at which
    (share - p)^2 is z^2 p (1 - p) / n."""
    right = [float(is_right(each, role)) for each in predictions]
    effect = _design_effect(predictions, right)
    if effect is None:
        return None
    share, spread = statistics.fmean(right), norm.ppf(0.975) ** 2 * effect / len(right)
    roots = np.roots([1 + spread, -2 * share - spread, share**2])
    return sorted(float(root.real) for root in roots)


def _counted(predictions: Sequence[Json], role: str) -> Json:
    right = sum(is_right(each, role) for each in predictions)
    total = len(predictions)
    ci95 = wilson(right, total)
    return {"accuracy": right / total, "correct": right, "total": total, "ci95": ci95}


def accuracies(comparison: Json, role: str, scoring: str, orders: int) -> Json:
    """``orders``: option orders that each question was asked in."""
    predictions = comparison["predictions"]
    found = _counted(predictions, role)
    interval = wilson_of_sources(predictions, role)
    if interval is not None:
        found["intervals.accuracy"] = interval
    for name, label in (("by_subdomain", "subdomain"), ("by_question_type", "question_type")):
        labels = sorted({p[label] for p in predictions if p[label] is not None})
        found[name] = {
            each: _counted([p for p in predictions if p[label] == each], role) for each in labels
        }
    answers = [p[role] for p in predictions]
    found["correct_by_question"] = "".join(str(int(answer["correct"])) for answer in answers)
    found["unparsed"] = sum(answer["answer"] is None for answer in answers)
    found["truncated"] = sum("truncated" in answer for answer in answers)
    return (
        found
        | _picked_otherwise(predictions, role)
        | _letters(predictions, role, scoring, orders)
        | (_calibration(predictions, role))
    )


def _picked_otherwise(predictions: Sequence[Json], role: str) -> Json:
    """Accuracy by scores that did not make the answer."""
    found: Json = {}
    for name in ("norm", "pmi"):
        found[f"accuracy_{name}"] = None
        if f"log_likelihoods_{name}" not in predictions[0][role]:
            continue
        right = []
        for prediction in predictions:
            scores = prediction[role][f"log_likelihoods_{name}"]
            right.append(_right(prediction, scores.index(max(scores))))
        found[f"accuracy_{name}"] = statistics.fmean(right)
    return found


def _letters(predictions: Sequence[Json], role: str, scoring: str, orders: int) -> Json:
    if predictions[0]["options"] is None:
        return {"position_shares": None, "letter_debiased_accuracy": None}
    places = max(len(p["options"]["same_as"]) for p in predictions)
    picks = [pick for p in predictions for pick in p[role].get("shown_picks", [p[role]["answer"]])]
    shares = {LETTERS[k]: picks.count(k) / len(picks) for k in range(places)}
    if scoring != "letter" or orders > 1:
        return {"position_shares": shares, "letter_debiased_accuracy": None}
    logs = [log_softmax(p[role]["log_likelihoods"]).tolist() for p in predictions]
    means = [statistics.fmean(row[k] for row in logs if k < len(row)) for k in range(places)]
    right = []
    for prediction, row in zip(predictions, logs, strict=True):
        moved = [value - mean for value, mean in zip(row, means, strict=False)]
        right.append(_right(prediction, moved.index(max(moved))))
    return {"position_shares": shares, "letter_debiased_accuracy": statistics.fmean(right)}


def _calibration(predictions: Sequence[Json], role: str) -> Json:
    names = ("expected_calibration_error", "brier_score", "overconfidence", "option_nll_nats")
    given = [_distinct(p, role) for p in predictions]
    if any(each is None for each in given):
        return dict.fromkeys(names)
    probabilities = [each for each in given if each is not None]
    tops = [max(each) for each in probabilities]
    right = [is_right(p, role) for p in predictions]
    error = 0.0
    for k in range(15):
        inside = [i for i, top in enumerate(tops) if k / 15 < top <= (k + 1) / 15]
        error += abs(sum(right[i] - tops[i] for i in inside)) / len(predictions)
    briers, nats = [], []
    for prediction, each in zip(predictions, probabilities, strict=True):
        truth = _truth(prediction)
        briers.append(sum((p - (j == truth)) ** 2 for j, p in enumerate(each)))
        nats.append(-math.log(each[truth]))
    values = (
        error,
        statistics.fmean(briers),
        statistics.fmean(tops) - statistics.fmean(right),
        statistics.fmean(nats),
    )
    return dict(zip(names, values, strict=True))


def guesses(predictions: Sequence[Json]) -> Json:
    if predictions[0]["options"] is None:
        return {"options_per_question": None, "chance_accuracy": None}
    shapes = [p["options"] for p in predictions]
    counts = [len(shape["same_as"]) for shape in shapes]
    chance = statistics.fmean(1 / n for n in counts)
    rates = [chance]
    for place in range(max(counts)):
        fitting = [p for p, n in zip(predictions, counts, strict=True) if place < n]
        rates.append(sum(_right(p, place) for p in fitting) / len(predictions))
    lengths = [shape["characters"] for shape in shapes]
    for extreme in (min, max):
        picks = [each.index(extreme(each)) for each in lengths]
        right = [_right(p, place) for p, place in zip(predictions, picks, strict=True)]
        rates.append(statistics.fmean(right))
    return {
        "options_per_question": statistics.fmean(counts),
        "chance_accuracy": chance,
        "guess_baseline": max(rates),
    }


def answer_pair(predictions: Sequence[Json]) -> Json:
    right = {
        role: [is_right(p, role) for p in predictions]
        for role in ROLES
        if predictions[0][role] is not None
    }
    acc = {role: statistics.fmean(flags) for role, flags in right.items()}
    delta = acc["teacher"] - acc["student"]
    kept = 100 * acc["student"] / acc["teacher"] if acc["teacher"] else None
    corrected = _chance_corrected(predictions, right, acc)
    kappa = fidelity(predictions)["kappa"]
    found: Json = {
        "accuracy_delta": delta,
        "accuracy_loss": -delta,
        "accuracy_retention_pct": kept,
        "knowledge_retention_pct": kept,
        "chance_corrected_retention_pct": corrected,
        "distillation_efficacy": None,
        "control_difference": None,
        "distillation_gain": None,
    }
    if corrected is not None and kappa is not None:
        parts = [min(1, max(0, part)) for part in (corrected / 100, kappa)]
        found["distillation_efficacy"] = statistics.harmonic_mean(parts)
    if "control" in acc:
        found["control_difference"] = acc["student"] - acc["control"]
        gap = acc["teacher"] - acc["control"]
        # Whether the gap is sure is told by draws; here by a normal bound, away from the border.
        squares = [(t - c) ** 2 for t, c in zip(right["teacher"], right["control"], strict=True)]
        error = math.sqrt(max(0.0, statistics.fmean(squares) - gap**2) / len(predictions))
        if gap > 4 * error:
            found["distillation_gain"] = found["control_difference"] / gap
    return found


def _chance_corrected(
    predictions: Sequence[Json], right: dict[str, list[bool]], acc: Json
) -> float | None:
    """None where the teacher's interval, or the denominator's within Fieller's, says so."""
    chance = guesses(predictions)["chance_accuracy"]
    interval = wilson_of_sources(predictions, "teacher")
    if chance is None or interval is None or interval[0] <= chance <= interval[1]:
        return None
    # Fieller's: each of the four joint cells carries half an observation.
    n = len(predictions)
    over, under = ((sum(right[role]) + 1) / (n + 2) for role in ("student", "teacher"))
    ratio = (over - chance) / (under - chance)
    pairs = zip(right["student"], right["teacher"], strict=True)
    effect = _design_effect(predictions, [s - ratio * t for s, t in pairs])
    if effect is None:
        return None
    variance = under * (1 - under) / (n + 1) * effect
    if (under - chance) ** 2 <= t_distribution.ppf(0.975, n - 1) ** 2 * variance:
        return None
    return float(100 * (acc["student"] - chance) / (acc["teacher"] - chance))


def slice_losses(predictions: Sequence[Json], seed: int) -> Json:
    """How much the student differs in each slice; the intervals are those of the seed's draws."""
    found: Json = {}
    for label in ("subdomain", "question_type"):
        labels = sorted({p[label] for p in predictions if p[label] is not None})
        found[f"accuracy_loss_by_{label}"] = {
            each: _loss([p for p in predictions if p[label] == each], seed) for each in labels
        }
    return found


def _loss(predictions: Sequence[Json], seed: int) -> Json:
    pairs = [(is_right(p, "teacher"), is_right(p, "student")) for p in predictions]
    n = len(pairs)
    effect = _design_effect(predictions, [float(s) - float(t) for t, s in pairs]) if n > 1 else 1.0
    interval = None
    if effect is not None:
        cells = ((True, True), (True, False), (False, True), (False, False))
        counts = [pairs.count(cell) / effect for cell in cells]
        # Half a question a cell, but for the first (docs/metrics.md; Jeffreys).
        weights = [count + more for count, more in zip(counts, (0.05, 0.5, 0.5, 0.5), strict=True)]
        drawn = np.random.default_rng(seed).dirichlet(weights, size=10_000)
        interval = np.percentile(drawn[:, 2] - drawn[:, 1], [2.5, 97.5]).tolist()
    loss = sum(s for _, s in pairs) / n - sum(t for t, _ in pairs) / n
    return {"accuracy_loss": loss, "total": n, "ci95": interval}


def agrees(prediction: Json) -> bool:
    places = [prediction[role]["answer"] for role in ("teacher", "student")]
    if None in places:
        return False
    if prediction["options"] is None:
        return bool(prediction["agree"])
    same = prediction["options"]["same_as"]
    return bool(same[places[0]] == same[places[1]])


def fidelity(predictions: Sequence[Json]) -> Json:
    n = len(predictions)
    right = {r: [is_right(p, r) for p in predictions] for r in ("teacher", "student")}
    agree = [agrees(p) for p in predictions]
    pairs = list(zip(right["teacher"], right["student"], agree, strict=True))
    lost, won = sum(t and not s for t, s, _ in pairs), sum(s and not t for t, s, _ in pairs)
    wrong = [(s, a) for t, s, a in pairs if not t]
    independent = statistics.fmean(right["teacher"]) * (1 - statistics.fmean(right["student"]))
    return {
        "agreement": sum(agree) / n,
        "agreement_teacher_wrong": (
            sum(a and not s for s, a in wrong) / len(wrong) if wrong else None
        ),
        "kappa": _kappa(predictions, sum(agree) / n),
        "negative_flip_rate": lost / n,
        "positive_flip_rate": won / n,
        "relative_negative_flip_rate": lost / n / independent if independent > 1e-12 else None,
        "mcnemar_p": float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0,
    } | _divergences(predictions)


def _kappa(predictions: Sequence[Json], agreement: float) -> float | None:
    if predictions[0]["options"] is None:
        return None
    n = len(predictions)
    counts = [Counter(p[role]["answer"] for p in predictions) for role in ("teacher", "student")]
    expected = sum(counts[0][k] * counts[1][k] for k in counts[0] if k is not None) / n**2
    return None if expected == 1 else (agreement - expected) / (1 - expected)


def _divergences(predictions: Sequence[Json]) -> Json:
    kl, js = [], []
    for prediction in predictions:
        teacher, student = _distinct(prediction, "teacher"), _distinct(prediction, "student")
        if teacher is None or student is None:
            return dict.fromkeys(("kl_nats", "kl_nats_median", "js_nats"))
        kl.append(float(entropy(teacher, student)))
        js.append(float(jensenshannon(teacher, student)) ** 2)
    return {
        "kl_nats": statistics.fmean(kl),
        "kl_nats_median": statistics.median(kl),
        "js_nats": statistics.fmean(js),
    }


def efficiency(metrics: Json, predictions: Sequence[Json]) -> Json:
    acc, parameters, disk = {}, {}, {}
    for role in ("teacher", "student"):
        acc[role] = statistics.fmean(is_right(p, role) for p in predictions)
        parameters[role] = metrics[role]["size"]["parameters_total"]
        disk[role] = metrics[role]["size"]["disk_bytes"]
    if None in parameters.values():
        return {}
    share = parameters["student"] / parameters["teacher"]
    relative = acc["student"] / acc["teacher"] if acc["teacher"] else None
    return {
        "efficiency_score": acc["student"] / share,
        "performance_efficiency": None if relative is None else relative / share,
        "performance_per_mb": {r: 1e6 * acc[r] / disk[r] for r in acc},
        "performance_per_million_params": {r: 1e6 * acc[r] / parameters[r] for r in acc},
    }


# comparison_results.json's own summary.


def summary(predictions: Sequence[Json]) -> Json:
    """``summary`` of multiple-choice predictions, without ``by_subdomain``."""
    kinds: Counter[str] = Counter()
    for p in predictions:
        kinds[_kind(is_right(p, "teacher"), is_right(p, "student"), agrees(p))] += 1
    names = (
        "both_right",
        "both_wrong_same",
        "both_wrong_different",
        "teacher_only_right",
        "student_only_right",
    )
    roles = [role for role in ROLES if predictions[0][role] is not None]
    return {
        "questions": len(predictions),
        "exact_match_rate": statistics.fmean(agrees(p) for p in predictions),
        "exact_match_vs_reference": {
            role: statistics.fmean(is_right(p, role) for p in predictions) for role in roles
        },
        "consistency": {name: kinds[name] for name in names},
        "f1": _f1(predictions),
    }


def _kind(teacher: bool, student: bool, agree: bool) -> str:
    if teacher and student:
        return "both_right"
    if teacher or student:
        return "teacher_only_right" if teacher else "student_only_right"
    return "both_wrong_same" if agree else "both_wrong_different"


def _f1(predictions: Sequence[Json]) -> Json:
    def placed(role: str) -> list[int]:
        return [
            p["reference"] if is_right(p, role) else -1 if (a := p[role]["answer"]) is None else a
            for p in predictions
        ]

    def macro(reference: Sequence[int], picks: Sequence[int]) -> float:
        labels = sorted({place for place in reference if place >= 0})
        score = f1_score(reference, picks, labels=labels, average="macro", zero_division=0)
        return float(score)

    truth, teacher, student = (
        [p["reference"] for p in predictions],
        placed("teacher"),
        placed("student"),
    )
    alike = [t if agrees(p) else s for p, t, s in zip(predictions, teacher, student, strict=True)]
    return {
        "teacher_macro": macro(truth, teacher),
        "student_macro": macro(truth, student),
        "student_vs_teacher_macro": macro(teacher, alike),
        "teacher_token_f1": None,
        "student_token_f1": None,
    }

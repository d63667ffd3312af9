"""Questions of every shape that scoring treats in its own way."""

from __future__ import annotations

from distill_fixtures.models.protocol import ScoreRequest

__all__ = ["REQUESTS"]

LEVEL = "Question: What is the energy of the second level?\nAnswer:"
FOX = "the quick brown fox jumps over the lazy dog 0123456789 "

REQUESTS = (
    ScoreRequest("short", "Q", (" a", " b")),
    ScoreRequest("one option", "Question: What?\nAnswer:", (" 4.5 hbar",)),
    ScoreRequest(
        "begin alike",
        LEVEL,
        (" 4.5 hbar omega", " 4.5 hbar", " 4", " the Pauli X gate", " 4.5 hbar omega"),
    ),
    ScoreRequest("long context", FOX + LEVEL, (" the lazy dog jumps over", " X", " 4.5 omega")),
    ScoreRequest(
        "many options",
        "Question: Which gate maps |0> to |1>?\nAnswer:",
        (*(f" the {name} gate" for name in "XYZHSTABCD"), " none of them", " all"),
    ),
    ScoreRequest("options longer than the context", "A:", (FOX.strip(), LEVEL, " a")),
    # Alone, "la" is a token; before "zy" its letters go to others.
    ScoreRequest("joins tokens", "over the la", ("zy dog", "mp", "zy", "st level")),
    ScoreRequest("trailing space", "Question: Which gate? Answer: ", ("X", "the Y", "ω ≈ 2π")),
    ScoreRequest("no context", "", (" fox", " the lazy dog")),
    # Some of its options end beyond a rotary window of 32 and others before it.
    ScoreRequest("across 32 tokens", LEVEL[:-8], (" X", " the lazy dog 0123456789", " 4")),
    # With some options it fits a window of 128 and with others it does not.
    ScoreRequest("fits in part", (FOX * 4)[-166:], (" X", " jumps over the lazy dog" * 2)),
    ScoreRequest("too long", "the lazy dog 0123456789 " * 20, (" X", " jumps over the lazy dog")),
)

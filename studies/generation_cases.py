"""What is generated where times of generation are compared, and what is timed of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Case", "Times", "prompt_of"]

WORDS = ("the", "state", "of", "a", "particle", "in", "field", "is", "not", "what", "we", "see")


@dataclass(frozen=True, slots=True)
class Case:
    """Prompts of one length that are generated from together.

    Attributes:
        batch_size: rows.
        prompt_tokens, new_tokens: of each row.
    """

    batch_size: int
    prompt_tokens: int
    new_tokens: int

    @classmethod
    def parse(cls, text: str, new_tokens: int) -> Case:
        """From rows and prompt tokens.

        >>> Case.parse("8x128", new_tokens=32)
        Case(batch_size=8, prompt_tokens=128, new_tokens=32)
        """
        rows, prompt_tokens = text.split("x")
        return cls(int(rows), int(prompt_tokens), new_tokens)

    def __str__(self) -> str:
        rows = "1 row" if self.batch_size == 1 else f"{self.batch_size} rows"
        return f"{rows} of {self.prompt_tokens}"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one generation.

    Attributes:
        ttft_s: until the first token; prefill.
        tpot_s: each token after it; decode.
        end_to_end_s: all of it.
    """

    ttft_s: float
    tpot_s: float
    end_to_end_s: float


def prompt_of(tokenizer: Any, tokens: int) -> str:
    """A text of exactly so many tokens.

    Raises:
        ValueError: this tokenizer cannot be brought to that count word by word.
    """
    text = ""
    while (count := len(tokenizer.encode(text))) < tokens:
        place = text.count(" ")
        for word in (*WORDS[place % len(WORDS) :], *WORDS):
            longer = f"{text} {word}"
            if count < len(tokenizer.encode(longer)) <= tokens:
                text = longer
                break
        else:
            raise ValueError(f"no word takes a prompt of {count} tokens nearer to {tokens}")
    if count != tokens:
        raise ValueError(f"an empty prompt has {count} tokens; {tokens} were asked for")
    return text

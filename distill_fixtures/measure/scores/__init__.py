"""Letting models answer: scores, where they are kept, and next tokens compared."""

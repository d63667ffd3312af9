"""What a run would cost: work counted, time from a short trial or from a data sheet."""

"""Decide how many of the sets are spared to choose the epoch."""

FEW = 1_000  # sets; of fewer, none are spared for validation
SHARE = 0.15  # of the sets, for validation
TEST_SHARE = 0.2  # of the sets, to measure the model, where nobody says


def validation_share(share: float | None, num_sets: int, *, needed: bool = False) -> float:
    """Return the share of the sets that decides which epoch is kept.

    Args:
        share: what was asked for, or none where nobody asked.
        num_sets: to be divided.
        needed: whether more than the choice of the epoch depends on it (temperatures, intervals).
    """
    if share is not None:
        return share
    return SHARE if needed or num_sets >= FEW else 0.0

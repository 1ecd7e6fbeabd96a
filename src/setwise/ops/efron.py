"""Compute the partial likelihood of times to an event, with ties."""

import torch
from torch import Tensor


def efron_losses(risk: Tensor, times: Tensor, events: Tensor) -> Tensor:
    """Return the share of each row of the negative log partial likelihood ``(B,)``, with Efron's ties.

    For the l-th (from 0) of d events at a time t it is ``log(R - l / d * D) - risk``, R being the sum of ``exp(risk)``
    over all rows whose time is t at least, and D that over the d events; 0 for censored rows. They add up to the
    negative logarithm of the likelihood, and are all 0 where there is no event. Computed without leaving the device.

    Args:
        risk: ``(B,)`` logarithms of hazard ratios; a constant that is added to all changes nothing.
        times: ``(B,)``.
        events: ``(B,)`` whether the time ended in the event.

    Source: Efron 1977, The efficiency of Cox's likelihood function for censored data, JASA 72, section 3.
    """
    risk = risk.to(torch.promote_types(risk.dtype, torch.float32))
    order = torch.argsort(times, descending=True, stable=True)
    own, time, event = risk[order], times[order], events[order]
    new = torch.cat([torch.ones_like(event[:1], dtype=torch.bool), time[1:] != time[:-1]])
    group = new.long().cumsum(0)  # of rows of one time
    first, end = torch.searchsorted(group, group), torch.searchsorted(group, group, right=True)
    everyone = own.logcumsumexp(0)[end - 1]  # log R
    before = torch.cat([torch.zeros_like(group[:1]), event.long().cumsum(0)])  # events in the rows before each
    place, count = before[:-1] - before[first], before[end] - before[first]
    fraction = torch.where(event, place.to(own.dtype) / count.clamp_min(1), 0)
    tied = torch.zeros(len(own) + 1, dtype=own.dtype, device=own.device)
    tied = tied.scatter_add(0, group, torch.where(event, (own - everyone).exp(), 0))[group]  # D / R
    losses = torch.where(event, everyone + torch.log1p(-fraction * tied) - own, 0)
    return torch.zeros_like(losses).scatter(0, order, losses)

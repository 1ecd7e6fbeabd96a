"""Parts of a block that are no more than their numbers, so that an operator may compute them with others."""

from torch import nn

from setwise.ops.parts import LinearNumbers


def has_hooks(module: nn.Module) -> bool:
    """Return whether somebody listens to a module, so that it must be called."""
    return any((module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks))


def linear_numbers(module: nn.Module) -> LinearNumbers | None:
    """Return the numbers of a linear layer; none where it is of another class or somebody listens to it."""
    if type(module) is not nn.Linear or has_hooks(module):
        return None
    return LinearNumbers(module.weight, module.bias)

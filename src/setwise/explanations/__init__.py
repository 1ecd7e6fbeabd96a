"""Explain why a run says what it says: scores of elements, their faithfulness, and the effect of more elements."""

from setwise.explanations.config import METHODS, ExplainConfig
from setwise.explanations.cost import Plan, plan, seconds
from setwise.explanations.explain import Explanation, explain

__all__ = ["explain", "Explanation", "ExplainConfig", "METHODS", "plan", "Plan", "seconds"]

"""What the control rows show, in sentences made from the records."""

from collections.abc import Iterator

from experiments.claims import Summary, summarise
from experiments.records import Record
from experiments.scales import SCALES
from setwise.tasks import TASKS

Cells = dict[tuple[str, str, str], list[Record]]
_WORDS = {"paper": "paper's protocol", "small": "small scale"}
_SUMMARIES = ("summaries-ridge", "summaries-boosting", "summaries-mlp")


def control_findings(cells: Cells) -> Iterator[str]:
    """A list item per question and cell with enough runs; a line that says so where there is none."""
    found = False
    for scale in SCALES:
        for task in TASKS:
            known = {key[2]: summarise(records) for key, records in cells.items() if key[:2] == (scale, task)}
            for sentence in _of_task(known, higher=TASKS[task].metric == "accuracy"):
                found = True
                yield f"- {TASKS[task].title}, {_WORDS[scale]}: {sentence}"
    if not found:
        yield "No control was run yet."


def _of_task(known: dict[str, Summary | None], *, higher: bool) -> Iterator[str]:
    def value(key: str) -> str:
        summary = known[key]
        return "failed" if summary is None or summary.mean is None else f"{summary.mean:.4g}"

    def better(first: str, second: str) -> bool:
        a, b = known[first], known[second]
        if a is None or a.mean is None or b is None or b.mean is None:
            return b is None or b.mean is None
        return (a.mean > b.mean) == higher and a.mean != b.mean

    if {"deep-sets-50", "deep-sets-50-he"} <= known.keys():
        end = (
            "it is the initialisation as much as depth"
            if better("deep-sets-50-he", "deep-sets-50")
            else ("He's initialisation does not help here")
        )
        yield f"50 plain layers {value('deep-sets-50')}, with He's initialisation {value('deep-sets-50-he')}: {end}."
    if {"deep-sets++-50", "deep-sets++-50-zero"} <= known.keys():
        word = "better" if better("deep-sets++-50-zero", "deep-sets++-50") else "not better"
        yield (
            f"Deep Sets++ 50 {value('deep-sets++-50')}; with blocks that begin as the identity "
            f"{value('deep-sets++-50-zero')}, {word}."
        )
    if {"deep-sets-50-set", "deep-sets-50-set-carried"} <= known.keys():
        word = "helps" if better("deep-sets-50-set-carried", "deep-sets-50-set") else "does not help"
        yield (
            f"50 layers with set norm and no residuals {value('deep-sets-50-set')}; carrying the two removed numbers "
            f"to the decoder {word}: {value('deep-sets-50-set-carried')}."
        )
    if {"deep-sets++-50", "deep-sets++-50-carried"} <= known.keys():
        word = "helps" if better("deep-sets++-50-carried", "deep-sets++-50") else "does not help"
        yield f"Deep Sets++ 50: carrying the two numbers {word}, {value('deep-sets++-50-carried')}."
    summaries = [key for key in _SUMMARIES if key in known]
    if summaries and "deep-sets++-50" in known:
        best = summaries[0]
        for key in summaries[1:]:
            best = key if better(key, best) else best
        word = "beat" if better(best, "deep-sets++-50") else "do not beat"
        yield f"moments and quantiles ({best.removeprefix('summaries-')}) {word} Deep Sets++ 50: {value(best)}."

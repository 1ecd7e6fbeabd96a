"""Say sets and elements by the words of those who bring them: samples and cells, events and particles."""

import re
from dataclasses import dataclass
from typing import Self

from setwise._checks import InputError

_OURS = re.compile(
    r"(?:\b(?P<article>[Aa]n?) )?"
    r"(?<![\w\-/.`'\"=@])(?<!Deep )(?<!data )"  # no option, name in quotes or term
    r"(?P<own>[Ss]et|[Ee]lement)(?P<plural>s?)"
    r"(?![\w\-/`\"=(]|\.\w|'(?!s\b))(?! (?:norm|of classes|Transformer|apart|of features|aside))"
)
_NAMES = ("pre", "code", "style", "tbody", "title")  # tags that hold names and commands of users
_TAG = re.compile(r"(<[^>]*>)")
_DESCRIBED = re.compile(r'(?<= )(alt|aria-label)="([^"]*)"')


@dataclass(frozen=True)
class Words:
    """The words for sets and for elements, in the plural.

    Example:
        >>> Words.of("samples,cells").say("12 sets of 40 elements; each set counts once (--sets, set_id).")
        '12 samples of 40 cells; each sample counts once (--sets, set_id).'
    """

    sets: str = "sets"
    elements: str = "elements"

    @classmethod
    def of(cls, text: str | None) -> Self:
        """Parse words that are written "samples,cells"; those of setwise where there are none.

        Raises:
            InputError: other than two words.
        """
        if text is None:
            return cls()
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != 2 or not all(re.fullmatch(r"[^\W\d_][\w -]*", part) for part in parts):
            raise InputError(f"words must be written SETS,ELEMENTS in the plural, such as samples,cells; got {text!r}.")
        return cls(*parts)

    @classmethod
    def chosen(cls, call: str | None, words: tuple[str, str] | None) -> Self:
        """Return the words that were asked for, else those of what was read (`Reader.words`), else those of setwise."""
        return cls.of(call) if call is not None else cls() if words is None else cls(*words)

    @property
    def text(self) -> str | None:
        """Return the words as they are written; none where they are those of setwise."""
        return None if self == Words() else f"{self.sets},{self.elements}"

    def say(self, text: str) -> str:
        """Return a sentence in these words; options, names in quotes and terms (set norm) stay as they are."""
        return text if self == Words() else _OURS.sub(self._instead, text)

    def page(self, html: str) -> str:
        """Return a page in these words; what users named or typed stays as it is."""
        if self == Words():
            return html
        parts, inside = [], 0
        for part in _TAG.split(html):
            name = re.match(r"</?([a-z]+)", part)
            if name is None:
                parts.append(part if inside else self.say(part))
                continue
            if name[1] in _NAMES and not part.endswith("/>"):
                inside += -1 if part.startswith("</") else 1
            parts.append(_DESCRIBED.sub(lambda found: f'{found[1]}="{self.say(found[2])}"', part))
        return "".join(parts)

    def _instead(self, found: re.Match[str]) -> str:
        own, plural = found["own"], found["plural"]
        word = self.sets if own.lower() == "set" else self.elements
        word = word if plural else _singular(word)
        word = word[0].upper() + word[1:] if own[0].isupper() else word
        if found["article"] is None:
            return word
        article = found["article"][0] + ("n" if word[0].lower() in "aeio" else "")
        return f"{article} {word}"


def _singular(word: str) -> str:
    """Return a word in the singular, as most of English has it."""
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word

"""Parse the TEXT segment of an FCS file: keywords and their values, also where instruments break the rules."""

_REQUIRED = ("$PAR", "$DATATYPE", "$BYTEORD")


def parse_keywords(segment: bytes) -> dict[str, str]:
    """Parse keywords, in capital letters, with their values, without blanks around either.

    A delimiter within a value is written twice. Some instruments write empty values instead, which look the same;
    where the first reading loses a required keyword, every delimiter is taken to end something.

    Args:
        segment: the bytes of a TEXT segment; the first one is the delimiter.

    Source: FCS 3.1 (Spidlen et al., Cytometry A 77A, 2010), section 3.2.
    """
    if len(segment) < 2:
        return {}
    text = _decode(segment)
    delimiter = text[0]
    body = text[1:].rstrip("\x00\r\n \t") if not delimiter.isspace() else text[1:]
    found = _pairs(_split_doubled(body, delimiter))
    if all(name in found for name in _REQUIRED):
        return found
    plain = _pairs(body.split(delimiter))
    return plain if sum(name in plain for name in _REQUIRED) > sum(name in found for name in _REQUIRED) else found


def _decode(segment: bytes) -> str:
    try:
        return segment.decode("utf-8")
    except UnicodeDecodeError:
        return segment.decode("latin-1")


def _split_doubled(body: str, delimiter: str) -> list[str]:
    """Split at single delimiters; two of them are one within a word."""
    words = [""]
    pieces = body.split(delimiter)
    position = 0
    while position < len(pieces):
        words[-1] += pieces[position]
        inner = position + 1 < len(pieces) - 1 and pieces[position + 1] == ""
        if inner:
            words[-1] += delimiter
            position += 2
            continue
        words.append("")
        position += 1
    return words[:-1]


def _pairs(words: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for name, value in zip(words[::2], words[1::2], strict=False):
        name = name.strip().upper()
        if name:
            pairs.setdefault(name, value.strip())
    return pairs


def whole_number(text: str | None) -> int | None:
    """Return a whole number from zero, where a text is one."""
    text = (text or "").strip().strip("\x00")
    return int(text) if text.isascii() and text.isdigit() and len(text.lstrip("0")) < 19 else None

"""What every form of a report needs of words: text from outside made safe to show, and numbers with a noun.

Nothing here loads anything: the command line uses it before it knows what is asked.
"""

import re

_JOINERS = re.compile(r"(?<=[\u0620-\u06ff])[\u200c\u200d](?=[\u0620-\u06ff])")
"""Arabic script needs these between letters; anywhere else they only hide."""


def printable(text: str) -> str:
    """Return text with control characters, bidi marks and other invisible letters as escapes, so that nothing hides."""
    kept = {match.start() for match in _JOINERS.finditer(text)}
    return "".join(
        letter if letter.isprintable() or i in kept else letter.encode("unicode_escape").decode()
        for i, letter in enumerate(text)
    )


def counted(number: int, what: str) -> str:
    """Return "3 checks", "1 check"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"

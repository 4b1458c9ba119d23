"""The order of texts, where it can be told: ranges of numbers, and words such as low and high."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["ranks_of"]

_MOST_LEVELS = 64
_FEWEST_ORDERED = 3
_MOST_OTHERS = 2  # such as "unknown" and "none", which are given the middle

# Words of scales, ascending; words of one rank are separated by a bar.
_SCALES = [
    scale.split()
    for scale in (
        "none very_low|vlow|lowest low|gering|niedrig|faible|bajo|basso lower_middle "
        "med|medium|moderate|mid|middle|average|mittel|moyen|medio upper_middle "
        "high|hoch|élevé|alto very_high|vhigh|highest|extreme|severe",
        "xxs xs|tiny|very_small s|small m|med|medium l|large|big xl|very_large|very_big|huge xxl "
        "xxxl",
        "none mild|light|slight moderate severe|heavy critical|extreme",
        "terrible|very_poor|very_bad|awful poor|bad|po fair|fa average|typical|ok|okay|ta "
        "good|gd very_good|verygood|vgood excellent|ex|perfect|premium ideal",
        "never rarely|seldom|hardly_ever occasionally sometimes often|frequently "
        "usually|very_often always",
        "strongly_disagree disagree|somewhat_disagree neutral|undecided agree|somewhat_agree "
        "strongly_agree",
        "very_dissatisfied dissatisfied neutral satisfied very_satisfied",
        "very_unlikely unlikely neutral|possible likely very_likely|certain",
        "frozen|freezing cold cool mild warm hot very_hot",
        "child|baby|infant teen|teenager|young adult|middle_aged senior|old|elderly",
        "novice|beginner junior|elementary intermediate senior|advanced expert|master",
        "hourly daily weekly biweekly|fortnightly monthly quarterly yearly|annually|annual",
        "zero one two three four five six seven eight nine ten eleven twelve",
        "first second third fourth fifth sixth seventh eighth ninth tenth",
        "i ii iii iv v vi vii viii ix x",
        "mon|monday tue|tues|tuesday wed|wednesday thu|thur|thurs|thursday fri|friday sat|saturday "
        "sun|sunday",
        "jan|january feb|february mar|march apr|april may jun|june jul|july aug|august "
        "sep|sept|september oct|october nov|november dec|december",
    )
]
_RANKS_OF_WORDS = [
    {word: rank for rank, words in enumerate(scale) for word in words.split("|")}
    for scale in _SCALES
]

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:[.,]\d+)?")
_AMBIGUOUS = re.compile(r"\d\.\d{3}(?!\d)")  # a decimal point, or thousands of other countries
# A letter or two before a number, as in "A11", make a code; codes have no order.
_CODE = re.compile(r"[^\W\d_]{1,2}\d+")
_BELOW = re.compile(r"^(<|≤|under\b|below\b|less\b|up to\b|unter\b|bis\b|moins\b)")
_ABOVE = re.compile(r"^(>|≥|over\b|above\b|more\b|über\b|plus de\b)|(\+|\bmore|\babove|\bover)$")
_THOUSANDS = {"k": 1e3, "m": 1e6}
# Words that are no units; the units of all texts must be the same, unlike "6 months" and "1 year".
_WORD = re.compile(r"[^\W\d_]+")
_NO_UNIT = re.compile(
    "k|m|x|to|and|or|up|under|below|less|over|above|more|than|from|unter|über|bis|und|moins|plus|de"
)


def ranks_of(levels: Sequence[str]) -> tuple[float, ...]:
    """Return the ranks of categories, from −1 to 1 in equal steps, if their order can be told.

    They can be words of a usual scale ("low", "medium", "high"), or texts with numbers ("<20",
    "20-29", "more than 60") of the same unit, which are ordered by the first number of each. At
    least three must have an order; up to two others ("unknown") are given 0, the middle.

    Parameters
    ----------
    levels : sequence of str
        The categories.

    Returns
    -------
    tuple of float
        Of each category; empty if there is no order.
    """
    if not _FEWEST_ORDERED <= len(levels) <= _MOST_LEVELS:
        return ()
    texts = [level.strip().strip("'\"").strip().lower() for level in levels]
    words = [re.sub(r"[\s_-]+", "_", text) for text in texts]
    for ranks in _RANKS_OF_WORDS:
        if found := _spread([ranks.get(word) for word in words]):
            return found
    if all(text.isdigit() or _CODE.fullmatch(text) for text in texts):
        return ()
    numbered = [text for text in texts if _NUMBER.search(text)]
    if any(_AMBIGUOUS.search(text) for text in numbered) or len(set(map(_units, numbered))) > 1:
        return ()
    return _spread([_first_number(text) for text in texts])


def _spread(keys: Sequence[float | None]) -> tuple[float, ...]:
    """Return equally spaced ranks in the order of the keys; none if too few are known or equal."""
    known = sorted(key for key in keys if key is not None)
    n = len(known)
    if n < max(_FEWEST_ORDERED, len(keys) - _MOST_OTHERS) or len(set(known)) < n:
        return ()
    return tuple(0.0 if key is None else 2 * known.index(key) / (n - 1) - 1 for key in keys)


def _units(text: str) -> frozenset[str]:
    """Return the words of a text that are units, without the s of a plural."""
    return frozenset(
        word.rstrip("s") for word in _WORD.findall(text) if not _NO_UNIT.fullmatch(word)
    )


def _first_number(text: str) -> float | None:
    """Return the first number of a text, a little less after "<", and a little more after ">"."""
    found = _NUMBER.search(text)
    if not found:
        return None
    if re.fullmatch(r"\d{1,3}(,\d{3})+", found[0]):
        number = float(found[0].replace(",", ""))
    else:
        number = float(found[0].replace(",", "."))
    if suffix := re.match(r"[km]\b", text[found.end() :]):
        number *= _THOUSANDS[suffix[0]]
    if text[: found.start()].rstrip().endswith("-") and not text[: found.start()].strip(" -($€£"):
        number = -number
    little = 1e-6 * max(1.0, abs(number))
    return number + little * (bool(_ABOVE.search(text)) - bool(_BELOW.search(text)))

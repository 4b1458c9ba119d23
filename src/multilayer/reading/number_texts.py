"""Numbers as people write them: decimal commas, thousands separators, currencies, percent."""

from __future__ import annotations

import polars as pl

__all__ = ["DECIMALS", "NUMBER", "decimal_pattern", "parse_numbers"]

DECIMALS = (".", ",")
NUMBER = "number"

_CURRENCY = (
    r"(?:[$€£¥₹₽₩₺₪฿₫₴₦]|(?i:usd|eur|gbp|chf|jpy|cny|inr|rub|aud|cad|nzd|sek|nok|dkk|pln|czk|huf"
    r"|brl|mxn|zar|us\$|r\$|kr|zł|kč|fr)\.?)"
)
_SIGN = "[-+−–]"
_SPACES = " \u00a0\u202f"  # plain, non-breaking, narrow non-breaking
_GROUPING = {".": rf"[,{_SPACES}'’]", ",": rf"[.{_SPACES}'’]"}


def _plain(decimal: str) -> str:
    """Match digits with thousands separators of one kind, and an optional fraction."""
    point = r"\." if decimal == "." else ","
    whole = "|".join(
        rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})+"  # 0,123 is no thousands
        for mark in (r"\." if decimal == "," else ",", f"[{_SPACES}]", "['’]")
    )
    # Lakhs and crores group by two digits: 12,34,567.
    indian = r"|[1-9]\d?(?:,\d{2})+,\d{3}" if decimal == "." else ""
    return rf"(?:(?:{whole}{indian}|\d+)(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?"


def decimal_pattern(decimal: str) -> str:
    """Return a regular expression of the numbers whose decimal mark is "." or ","."""
    number = _plain(decimal)
    signed = rf"{_SIGN}?\s*{_CURRENCY}?\s*{_SIGN}?\s*{number}\s*(?:{_CURRENCY}|%)?\s*-?"
    return rf"^(?:{signed}|\(\s*{_CURRENCY}?\s*{number}\s*(?:{_CURRENCY}|%)?\s*\))$"


def parse_numbers(texts: pl.Series, decimal: str) -> pl.Series:
    """Convert strings to numbers; all others become missing values.

    Parameters
    ----------
    texts : polars.Series of str
        Without blanks around them.
    decimal : {".", ","}
        The decimal mark; the other one separates thousands, as blanks and apostrophes do.

    Returns
    -------
    polars.Series of float
        Per cent stay per cent: "12 %" is 12. "(3)" and "3-" are −3.
    """
    if decimal == ".":
        plain = texts.cast(pl.Float64, strict=False)
        if plain.null_count() == texts.null_count():
            return plain
    matched = texts.str.contains(decimal_pattern(decimal))
    cleaned = (
        texts.str.replace_all(rf"(?:{_CURRENCY}|%|{_GROUPING[decimal]}|\s)", "")
        .str.replace_all("[−–]", "-")
        .str.replace(r"^\((.*)\)$", "-$1")
        .str.replace(r"^([^-].*)-$", "-$1")
    )
    if decimal == ",":
        cleaned = cleaned.str.replace(",", ".", literal=True)
    numbers = cleaned.cast(pl.Float64, strict=False)
    return pl.select(pl.when(matched).then(numbers).otherwise(None)).to_series().rename(texts.name)

"""Numbers as people read them, with a non-breaking space before the unit."""

from math import isnan

SPACE = "\u00a0"


def percent(share: float) -> str:
    """A share of 0 to 1, or a rate, as `9.98 %`; a dash for NaN."""
    return "–" if isnan(share) else f"{100 * share:.2f}{SPACE}%"


def interval(low: float, high: float) -> str:
    """The ends of an interval as per cents, as `7.11 to 13.03 %`."""
    return f"{100 * low:.2f} to {100 * high:.2f}{SPACE}%"


def number(value: float) -> str:
    """Four significant digits, without an exponent for usual sizes: `0.0008022`, `16.88`, `12 345`; a dash for NaN."""
    if isnan(value):
        return "–"
    if 1e4 <= abs(value) < 1e15:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.4g}" if not 1e-7 < abs(value) < 1e-4 else f"{value:.10f}".rstrip("0")


def duration(seconds: float) -> str:
    """As `36 min 16 s`, `1 h 05 min`, `2 d 03 h`: the two largest units."""
    seconds = round(seconds)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        words = f"{days} d {hours % 24:02} h"
    elif hours:
        words = f"{hours} h {minutes % 60:02} min"
    else:
        words = f"{minutes} min {seconds % 60:02} s" if minutes else f"{seconds} s"
    return words.replace(" ", SPACE)


def count(amount: int, noun: str) -> str:
    """As `1 epoch`, `80 epochs`."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"

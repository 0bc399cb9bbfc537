"""Who leaves because nobody asks any more. Pure."""

from collections.abc import Mapping, Sequence


def idlers(
    used_s: Mapping[str, float], idle_after_s: float, now_s: float
) -> Sequence[str]:
    """The keys whose last use (or load) is `idle_after_s` ago, the longest first."""
    idle = [key for key, last_s in used_s.items() if now_s - last_s >= idle_after_s]
    return sorted(idle, key=lambda key: (used_s[key], key))


def next_look_s(
    used_s: Mapping[str, float], idle_after_s: float, now_s: float
) -> float:
    """Seconds until the first of them can be idle; `idle_after_s` when there is none."""
    first_s = min(used_s.values(), default=now_s)
    return max(0.0, first_s + idle_after_s - now_s)

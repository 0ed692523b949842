"""Small questions with known answers, and whether a text answers one rightly."""

import re
from collections.abc import Callable, Mapping

# feature -> key of the question -> (question, answer)
QUESTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "capitals": {
        country: (f"What is the capital of {country.replace('-', ' ').title()}? Answer in one short sentence.", capital)
        for country, capital in {
            "france": "Paris",
            "italy": "Rome",
            "spain": "Madrid",
            "germany": "Berlin",
            "japan": "Tokyo",
            "egypt": "Cairo",
            "canada": "Ottawa",
            "australia": "Canberra",
            "peru": "Lima",
            "new-zealand": "Wellington",
        }.items()
    },
    "arithmetic": {
        f"{left}{sign}{right}": (f"Calculate {left} {sign} {right}. Reply with the number only.", str(answer))
        for left, sign, right, answer in (
            (1, "+", 1, 2),
            (2, "+", 3, 5),
            (5, "+", 5, 10),
            (7, "+", 6, 13),
            (12, "+", 9, 21),
            (9, "-", 4, 5),
            (20, "-", 7, 13),
            (3, "*", 4, 12),
            (6, "*", 7, 42),
            (14, "*", 12, 168),
        )
    },
    "yes-no": {
        key: (f"{question} Answer yes or no.", answer)
        for key, (question, answer) in {
            "sun-hot": ("Is the sun hot?", "yes"),
            "ice-cold": ("Is ice cold?", "yes"),
            "fish-swim": ("Can fish swim?", "yes"),
            "paris-france": ("Is Paris in France?", "yes"),
            "week-seven": ("Does a week have seven days?", "yes"),
            "fire-cold": ("Is fire cold?", "no"),
            "dogs-fly": ("Can dogs fly?", "no"),
            "moon-cheese": ("Is the moon made of cheese?", "no"),
            "berlin-spain": ("Is Berlin in Spain?", "no"),
            "year-ten": ("Does a year have ten months?", "no"),
        }.items()
    },
}


def _names_it(text: str, answer: str) -> bool:
    return answer.casefold() in text.casefold()


def _ends_in_number(text: str, answer: str) -> bool:
    numbers = re.findall(r"\d+", text.replace(",", ""))
    return bool(numbers) and numbers[-1] == answer


def _begins_with_word(text: str, answer: str) -> bool:
    words = re.findall(r"[a-z]+", text.casefold())
    return bool(words) and words[0] == answer


_JUDGES: Mapping[str, Callable[[str, str], bool]] = {
    "capitals": _names_it,
    "arithmetic": _ends_in_number,
    "yes-no": _begins_with_word,
}


def is_right(feature: str, key: str, text: str) -> bool:
    """Whether ``text`` answers the question ``key`` of ``feature``: by the capital that it names, the number that it
    ends in, or its first word."""
    _, answer = QUESTIONS[feature][key]
    return _JUDGES[feature](text, answer)

"""The truth is under version control: it changes only together with the ledger."""

from tests.traffic.cases import RECORDINGS, read
from tests.traffic.ledger import LEDGER, line


def test_the_ledger_holds_what_the_truth_says_of_every_recording() -> None:
    told = {case.id: line(case) for case in read(RECORDINGS)}
    written = LEDGER.read_text(encoding="utf-8").splitlines()
    wrong = [(before, after) for before, after in zip(written, told.values(), strict=True) if before != after]
    assert wrong == [], "python -m tests.traffic.ledger writes it anew; read the difference"


def test_no_meter_is_negative() -> None:
    assert '": -' not in LEDGER.read_text(encoding="utf-8")


def test_the_notice_names_every_project_that_recordings_came_from() -> None:
    notice = (RECORDINGS.parent / "NOTICE").read_text(encoding="utf-8")
    assert sorted({case.source_repo for case in read(RECORDINGS) if case.source_repo not in notice}) == []

"""What the demo prints."""

import io
from decimal import Decimal

from rich.console import Console

from costspan_collector.demo.ledger import Difference, Spend, spend_by_feature, total
from costspan_collector.demo.product import plan
from costspan_collector.demo.receiver import Delivery
from costspan_collector.demo.report import ReplayProgress, alert_line, check_lines, spend_table
from costspan_collector.demo.trace import read_trace

BOOKS = spend_by_feature(plan(read_trace()))


def console(*, terminal: bool, width: int = 80) -> tuple[Console, io.StringIO]:
    shown = io.StringIO()
    return Console(file=shown, force_terminal=terminal, width=width, color_system=None), shown


def text(markup: str) -> str:
    screen, shown = console(terminal=False)
    screen.print(markup, soft_wrap=True)
    return shown.getvalue().rstrip("\n")


def test_the_table_of_the_whole_trace_fits_80_columns() -> None:
    screen, shown = console(terminal=False)
    screen.print(spend_table(BOOKS, total(BOOKS)))
    assert [line.rstrip() for line in shown.getvalue().splitlines()] == [
        "feature          calls  tokens in tokens out     exact $   cost   $/call right",
        "assistant       10,696 12,321,451  2,257,820  34.0908309 $34.09 0.003187 85.6%",
        "code-completion  8,819 18,059,974    245,896 18.18325675 $18.18 0.002062 81.4%",
        "summarize        4,747  5,536,632    998,445   5.0327889  $5.03 0.001060 88.6%",
        "ticket-triage    3,923  4,503,787    832,400  3.51311895  $3.51 0.000896 91.0%",
        "total           28,185 40,421,844  4,334,561  60.8199955 $60.82 0.002158 86.1%",
    ]


def test_a_feature_without_calls_or_labels_has_no_ratio() -> None:
    screen, shown = console(terminal=False)
    screen.print(spend_table({"a": Spend(calls=2, cost_usd=Decimal("0.5"))}, Spend()))
    lines = [line.split() for line in shown.getvalue().splitlines()]
    assert lines[1] == ["a", "2", "0", "0", "0.5", "$0.50", "0.250000", "-"]
    assert lines[2] == ["total", "0", "0", "0", "0", "$0.00", "-", "-"]


def test_a_terminal_gets_a_bar() -> None:
    screen, shown = console(terminal=True)
    with ReplayProgress(screen, 3) as progress:
        for _ in range(3):
            progress.advance()
    assert "3/3" in shown.getvalue()
    assert "━" * 40 in shown.getvalue()
    assert "per second" not in shown.getvalue()


def test_without_a_terminal_there_is_no_bar() -> None:
    screen, shown = console(terminal=False)
    with ReplayProgress(screen, 3) as progress:
        for _ in range(3):
            progress.advance()
    assert shown.getvalue() == ""


def test_an_alert_tells_its_reason_and_delay() -> None:
    alert = {"threshold": "1", "state": "breached", "reason": "b[1]: $2 spent of $2"}
    assert text(alert_line(Delivery(alert, 10.5), 10.25)) == (
        "  breached b[1]: $2 spent of $2, delivered 0.25 s after the call that did it"
    )
    assert text(alert_line(Delivery(alert, 10.5), None)) == "  breached b[1]: $2 spent of $2"


def test_a_failed_check_prints_both_figures() -> None:
    wanted, found = Spend(2, 30, 4, Decimal("0.10"), 1, 1), Spend(2, 30, 4, Decimal("0.1000000001"), 1, 1)
    wrong = [Difference("total", "cost_usd", wanted.cost_usd, found.cost_usd)]
    assert [text(line) for line in check_lines(wanted, found, wrong)][-3:] == [
        "  cost             independent sum           $0.1   collector  $0.1000000001",
        "  CHECK FAILED: the collector's books are not what was replayed",
        "  total, cost_usd: expected 0.1, found 0.1000000001",
    ]


def test_a_passed_check_says_so() -> None:
    lines = [text(line) for line in check_lines(total(BOOKS), total(BOOKS), ())]
    assert lines[0] == "  calls            independent sum         28,185   collector         28,185"
    assert lines[-1] == "  equal to the last digit, by feature and in total"

"""What the demo has seen: every figure of its last words is read from the server's answers."""

import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from driftline.cli.incident import FAULTS, Fault
from driftline.cli.story import Step
from driftline.cli.webhook import Message

if TYPE_CHECKING:
    import driftline

ALARMS = ("potential", "detected")


@dataclass(slots=True)
class Seen:
    """The observations of one run. `potential` is the drift from which the server speaks of a potential drift."""

    potential: float
    rows: int = 0
    quiet_rows: int = 0
    alarms_before: int = 0
    worst_before: tuple[float, str] = (0.0, "")
    sent_with: dict[str, int] = field(default_factory=dict)
    rows_until: dict[tuple[str, str], int] = field(default_factory=dict)
    answer_seconds: list[float] = field(default_factory=list)
    report: "driftline.Report | None" = None
    worst: "driftline.Report | None" = None  # the last one of the incident
    detected_at: float | None = None  # monotonic seconds, when an answer first said so
    mended_rows: int = 0

    def update(self, step: Step, report: "driftline.Report", answer_seconds: float) -> None:
        """Takes in the answer that followed a step."""
        self.rows += step.rows.num_rows
        self.report = report
        self.answer_seconds.append(answer_seconds)
        columns = judged(report)
        if not step.faults and self.worst is None:
            self.quiet_rows = self.rows
            self.alarms_before += report.status in ALARMS
            self.worst_before = max(self.worst_before, *((row["drift"], row["column"]) for row in columns))
        if report.status == "detected" and self.detected_at is None:
            self.detected_at = time.monotonic()
        if step.faults:
            self.worst = report
        elif self.worst is not None:
            self.mended_rows += step.rows.num_rows
        for fault in step.faults:
            self.sent_with[fault.column] = self.sent_with.get(fault.column, 0) + step.rows.num_rows
        for row in columns if step.faults else ():
            if row["column"] in self.sent_with:
                self.rows_until.setdefault((row["column"], row["status"]), self.sent_with[row["column"]])

    def sentences(self) -> list[str]:
        """What was seen, in words."""
        assert self.worst is not None
        told = [_fault_seen(fault, self.worst, self.rows_until) for fault in FAULTS if fault.column in self.sent_with]
        return [self._quiet_years(), *told, self._mean(), self._mended(), self._answers()]

    def alerts(self, messages: list[Message]) -> list[str]:
        """What was told of it, in words."""
        told = []
        firing = next((each for each in messages if each.status == "firing"), None)
        resolved = next((each for each in messages if each.status == "resolved"), None)
        if firing is not None and self.detected_at is not None:
            late = firing.at - self.detected_at
            when = f"{late:.1f} s after the first answer that said detected" if late > 0 else "before anyone had asked"
            told.append(f"An alert fired, and was delivered to a webhook {when}: “{firing.summary}”.")
            if firing.report_url:
                told.append("It named the command that exports the rows, and linked the window's report, a page with pictures.")
        if resolved is not None:
            told.append("It resolved by itself once the window held mended rows only, and that was delivered too.")
        return told

    def _mended(self) -> str:
        assert self.report is not None
        return f"The pipeline is mended, and {self.mended_rows:,} rows later the verdict is {self.report.status} again."

    def _quiet_years(self) -> str:
        drift, column = self.worst_before
        alarms = "not one alarm" if not self.alarms_before else f"{self.alarms_before} answers with an alarm"
        return f"2016 to 2018, {self.quiet_rows:,} people: {alarms}; the largest drift of a column was {drift:.3f} ({column})."

    def _mean(self) -> str:
        assert self.worst is not None
        status, drift = self.worst.status, self.worst.drift
        features = sum(row["role"] == "feature" for row in self.worst.columns.to_pylist())
        alone = "would have raised no alarm on its own" if drift < self.potential else "raises an alarm on its own"
        mean = f"the mean of its {features} features, {drift:.3f}, {alone}"
        return f"The endpoint's verdict was {status}, as its worst column's; {mean}."

    def _answers(self) -> str:
        return (
            f"{len(self.answer_seconds)} drift questions were asked while rows came in; the median answer took "
            f"{median(self.answer_seconds) * 1000:.1f} ms and counted every row acknowledged before it."
        )


def judged(report: "driftline.Report") -> list[dict[str, Any]]:
    """The columns that have a verdict: features and the prediction."""
    return [row for row in report.columns.to_pylist() if row["role"] in {"feature", "prediction"}]


def _fault_seen(fault: Fault, report: "driftline.Report", rows_until: dict[tuple[str, str], int]) -> str:
    row = next(row for row in report.columns.to_pylist() if row["column"] == fault.column)
    first = {status: rows_until.get((fault.column, status)) for status in ALARMS}
    turns = [f"{status} after {rows:,}" for status, rows in first.items() if rows is not None]
    verdict = f"{', '.join(turns)} such rows" if turns else "no alarm"
    return f"{fault.column}: {fault.words}; {verdict}. Drift {row['drift']:.2f} then{evidence(row, before=', ')}."


def evidence(row: dict[str, Any], before: str = "") -> str:
    """Why a column stands out, in a few words: nulls, categories never seen, or a mean that moved; empty where nothing does."""
    if row["status"] not in ALARMS or not row["rows"]:
        return ""
    shares = {"null": row["nulls"] / row["rows"], "never seen": row["unseen"] / row["rows"]}
    told = [f"{share:.0%} {what}" for what, share in shares.items() if share >= 0.01]
    if row["kind"] == "numeric":
        told.append(f"mean {row['reference_mean']:.0f} → {row['mean']:.0f}")
    return before + ", ".join(told) if told else ""

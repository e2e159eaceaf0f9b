"""The archive against pandas: whatever came and was counted comes out again, each row once, wherever it lies meanwhile."""

import re
from errno import ENOSPC
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.server.archive.life import ALL, START_US, Life, Standing, batch, living, until

from driftline_core.engine import Span
from driftline_core.errors import FailedPrecondition, NotFound
from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US
from driftline_server.filesystem import File, SystemFilesystem

COLUMNS = ["id", "timestamp", "x", "n", "word", "flag", "truth", "latency", "error"]


def expected(*batches: pa.RecordBatch) -> pd.DataFrame:
    """What pandas makes of the batches, in the order and the types of an export."""
    frames = [pa.table({name: _words(each.column(name)) for name in each.schema.names}).to_pandas() for each in batches]
    frame = pd.concat(frames, ignore_index=True).reindex(columns=COLUMNS)
    frame = frame.sort_values("timestamp", kind="stable").reset_index(drop=True)
    frame[["x", "n", "truth", "latency"]] = frame[["x", "n", "truth", "latency"]].astype(float)
    return plain(frame)


def _words(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose nulls are all None, and whose categories are words."""
    frame = frame.assign(timestamp=frame["timestamp"].dt.as_unit("us")).astype(object)
    return frame.where(frame.notna(), None)


def assert_equal(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(plain(found), wanted, check_dtype=False)


def archived(life: Life) -> None:
    """Waits until the archive has all segments but the open one, and the journal has dropped what it may."""
    archive = life.durability._archive
    until(lambda: all(not each.is_closed or each.last <= archive._archived for each in life.durability.folder.journal.segments()))


def test_rows_come_out_as_they_came_from_the_journal_and_the_archive(tmp_path: Path) -> None:
    sent = [batch(100, first=100 * number, step_us=7_000_000) for number in range(20)]
    with living(tmp_path, Standing(START_US + 4 * HOUR_US)) as life:
        life.create()
        life.push(life.producer(sent[0].schema), *sent[:10])
        archived(life)
        until(lambda: len(life.files()) > 3)
        life.push(life.producer(sent[0].schema), *sent[10:])
        assert_equal(life.rows(), expected(*sent))
        export = life.export()
        assert (export.rows, export.gaps) == (2_000, [])
    with living(tmp_path, Standing(START_US + 4 * HOUR_US)) as life:
        assert_equal(life.rows(), expected(*sent))


def test_a_span_is_cut_to_the_microsecond(tmp_path: Path) -> None:
    sent = [batch(100, first=100 * number, step_us=60_000_000) for number in range(4)]
    with living(tmp_path, Standing(START_US + 9 * HOUR_US)) as life:
        life.create()
        life.push(life.producer(sent[0].schema), *sent)
        archived(life)
        start_us, end_us = START_US + 30 * MINUTE_US, START_US + 5 * HOUR_US + 1
        whole = expected(*sent)
        times = whole["timestamp"].map(lambda at: at.value // 1000)
        wanted = whole[(times >= start_us) & (times < end_us)].reset_index(drop=True)
        export = life.export(Span(start_us=start_us, end_us=end_us))
        assert export.rows == len(wanted) == 271
        assert_equal(life.rows(Span(start_us=start_us, end_us=end_us)), wanted)


def test_late_rows_and_rows_out_of_order_stand_where_they_happened(tmp_path: Path) -> None:
    sent = [batch(50, first=50 * number, step_us=90_000_000) for number in (3, 0, 4, 1, 2)]
    shuffled = [each.take(pa.array(np.random.default_rng(3).permutation(50))) for each in sent]
    with living(tmp_path, Standing(START_US + 9 * HOUR_US)) as life:
        life.create()
        life.push(life.producer(sent[0].schema), *shuffled)
        archived(life)
        assert_equal(life.rows(), expected(*sent))


def test_other_schemas_mid_stream_and_several_producers_are_one_table(tmp_path: Path) -> None:
    first = batch(40, step_us=3_000_000)
    texts = batch(40, first=40, step_us=3_000_000, id=pa.array([f"r-{n}" for n in range(40)]), truth=None)
    coded = batch(
        40,
        first=80,
        step_us=3_000_000,
        word=pa.DictionaryArray.from_arrays(pa.array([n % 3 for n in range(40)], pa.int8()), pa.array(["b", None, "b"])),
        x=pa.array(range(40), pa.uint8()),
        latency=pa.array([0.25] * 40, pa.float32()),
        error=pa.array([None, "timeout"] * 20),
        extra=pa.array(range(40)),
    )
    with living(tmp_path) as life:
        life.create()
        for number, each in enumerate((first, texts, coded)):
            life.push(life.producer(each.schema, id_=bytes([number]) * 16), each)
        archived(life)
        life.push(life.producer(first.schema, id_=b"z" * 16), batch(40, first=120, step_us=3_000_000))
        found = life.rows()
    wanted = expected(first, texts, coded.drop_columns(["extra"]), batch(40, first=120, step_us=3_000_000))
    wanted["id"] = wanted["id"].map(str)
    assert_equal(found, wanted)


def test_a_duplicate_and_refused_rows_are_not_among_them(tmp_path: Path) -> None:
    good = batch(30)
    ages = [-6 * MINUTE_US, 0, 401 * DAY_US]
    with living(tmp_path) as life:
        life.create()
        handle = life.producer(good.schema)
        life.push(handle, good)
        life.intake.take(handle, 1, memoryview(b"whatever: it came before"))
        life.intake.take(handle, 2, memoryview(b"no Arrow at all"))
        times = pa.array([life.clock.at_us - age for age in ages], pa.timestamp("us", "UTC"))
        life.push(handle, batch(3, first=500, timestamp=times))
        found = life.rows()
    assert found["id"].tolist() == [*range(30), 501]


def test_rows_without_a_time_have_that_of_their_arrival(tmp_path: Path) -> None:
    with living(tmp_path) as life:
        life.create()
        untimed = batch(5, timestamp=None, id=None)
        life.push(life.producer(untimed.schema), untimed)
        found = life.rows()
        assert {at.value // 1000 for at in found["timestamp"]} == {life.clock.at_us}
        assert found["id"].isna().all()


def test_only_endpoints_with_a_label_are_archived_unless_it_is_said(tmp_path: Path) -> None:
    with living(tmp_path, archive="auto") as life:
        labelled, other = life.create("labelled"), life.create("other", label="")
        for name in ("labelled", "other"):
            life.push(life.producer(batch(1).schema, name), *(batch(90, first=90 * number) for number in range(9)))
        life.settle()
        archived(life)
        assert {Path(path).parts[0] for path in life.files()} == {labelled}
        assert other not in life.files()


@pytest.mark.parametrize("archive", ["off", "auto"])
def test_hours_that_nothing_keeps_are_named_with_their_setting(tmp_path: Path, archive: str) -> None:
    with living(tmp_path, archive=archive) as life:
        life.create(label="")
        handle = life.producer(batch(1).schema)
        life.push(handle, *(batch(90, first=90 * number) for number in range(9)))
        life.settle()
        life.cover()
        (gap,) = life.export().gaps
        assert (gap.start_us, gap.end_us, gap.counted, gap.setting) == (START_US, START_US + HOUR_US, 810, "archive")
        assert gap.kept == len(life.rows()) < 810


def test_a_span_of_which_nothing_is_kept_is_an_error_that_says_what_to_set(tmp_path: Path) -> None:
    clock = Standing(START_US + 3 * HOUR_US)
    with living(tmp_path, clock, archive_days=1) as life:
        life.create()
        life.push(life.producer(batch(1).schema), *(batch(90, first=90 * number, step_us=10_000_000) for number in range(9)))
        life.settle()
        life.cover()
        clock.at_us += 2 * DAY_US
        span = Span(start_us=START_US, end_us=START_US + HOUR_US)
        until(lambda: not life.export(span).kept)
        with pytest.raises(NotFound, match=r"no rows of default/default/m:latest are kept .*: set archive_days higher"):
            life.export(span).require_any()


def test_nothing_came_is_no_error(tmp_path: Path) -> None:
    with living(tmp_path) as life:
        life.create()
        export = life.export()
        export.require_any()
        assert (export.rows, export.gaps, list(export.batches())) == (0, [], [])


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_sample_is_even_and_always_the_same(tmp_path: Path, share: float) -> None:
    sent = [batch(500, first=500 * number, step_us=100_000) for number in range(10)]
    with living(tmp_path, archive_share=share) as life:
        life.create()
        life.push(life.producer(sent[0].schema), *sent)
        life.settle()
        before = life.rows()
        life.cover()
        after = life.rows()
        assert life.export().gaps == []
    assert after["id"].tolist() == before["id"].tolist()
    assert abs(len(after) - 5000 * share) < 6 * (5000 * share * (1 - share)) ** 0.5
    assert after["id"].is_unique


def test_old_hours_are_deleted_and_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = Standing(START_US + 3 * HOUR_US)
    with living(tmp_path, clock, archive_days=1, snapshot_days=2) as life:
        uid = life.create()
        life.push(life.producer(batch(1).schema), *(batch(90, first=90 * number, step_us=10_000_000) for number in range(9)))
        life.settle()
        life.cover()
        hours = {Path(path).parts[1] for path in life.files()}
        assert len(hours) >= 2  # the last one's rows may be in the segment that is open
        clock.at_us = START_US + DAY_US + HOUR_US
        until(lambda: not (tmp_path / "archive" / uid / min(hours)).exists())
        assert {Path(path).parts[1] for path in life.files()} >= hours - {min(hours)}
        gap = life.export().gaps[0]
        assert (gap.start_us, gap.setting) == (START_US, "archive_days")
        until(lambda: life.durability.reader.hour(uid, START_US) is not None)
        clock.at_us = START_US + 9 * DAY_US
        until(lambda: life.durability.reader.hour(uid, START_US) is None)
        # Rows from before the endpoint was created have come of age like any others.
        for start_us in (START_US, START_US - 100 * DAY_US):
            old = life.export(Span(start_us=start_us, end_us=START_US + HOUR_US))
            assert [(each.start_us, each.setting) for each in old.gaps] == [(start_us, "snapshot_days")]
            with pytest.raises(NotFound, match="set snapshot_days higher"):
                old.require_any()
    said = capsys.readouterr().out
    assert "archived rows were deleted: they are older than archive_days" in said
    assert "snapshots were deleted: they are older than snapshot_days" in said


def test_rows_that_are_old_already_are_not_written(tmp_path: Path) -> None:
    with living(tmp_path, Standing(START_US + 3 * DAY_US), archive_days=1) as life:
        life.create()
        life.push(life.producer(batch(1).schema), *(batch(90, first=90 * number) for number in range(9)))
        life.settle()
        life.cover()
        assert life.files() == []


def test_a_deleted_endpoint_leaves_nothing_behind(tmp_path: Path) -> None:
    with living(tmp_path) as life:
        uid, other = life.create(), life.create("other")
        for name in ("m", "other"):
            life.push(life.producer(batch(1).schema, name), *(batch(90, first=90 * number) for number in range(9)))
        life.settle()
        life.cover()
        life.registry.delete("m")
        until(lambda: not (tmp_path / "archive" / uid).exists())
        assert {Path(path).parts[0] for path in life.files()} == {other}
        with pytest.raises(NotFound):
            life.rows()
        life.create()
        assert len(life.rows()) == 0
        assert len(life.rows(name="other")) == 810


def test_rows_of_an_endpoint_deleted_just_before_the_end_are_deleted_at_the_start(tmp_path: Path) -> None:
    with living(tmp_path) as life:
        life.create()
    orphan = tmp_path / "archive" / ("ab" * 16) / "20231114T220000Z"
    orphan.mkdir(parents=True)
    (orphan / "1-2.parquet").write_bytes(b"rows")
    with living(tmp_path):
        until(lambda: not orphan.parent.exists())


class NoRoomFor(SystemFilesystem):
    """A disk that is full where a folder lies."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def create(self, path: Path) -> File:
        if self._folder in path.parents:
            raise OSError(ENOSPC, "no space left on device")
        return super().create(path)


class NoRoomForRows(SystemFilesystem):
    """A disk that takes no file of rows, and others."""

    def create(self, path: Path) -> File:
        if re.fullmatch(r"\d+-\d+\.new", path.name):
            raise OSError(ENOSPC, "no space left on device")
        return super().create(path)


def test_past_the_maximum_the_journal_goes_unarchived_and_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full = NoRoomFor(tmp_path / "archive")
    with living(tmp_path, Standing(START_US + 2 * HOUR_US), filesystem=full, journal_bytes_max=40_000) as life:
        life.create()
        archive = life.durability._archive
        life.push(life.producer(batch(1).schema), *(batch(90, first=90 * number) for number in range(40)))
        life.settle()
        life.cover()
        until(lambda: archive.dropping.unarchived.segments > 5)
        (gap,) = life.export().gaps
        assert (gap.counted, gap.setting) == (3_600, "journal_bytes_max")
        assert len(life.rows()) == gap.kept < 3_600
        with pytest.raises(NotFound, match=r"are kept for this span: .*journal_bytes_max"):  # though of its hour some are
            life.export(Span(start_us=START_US, end_us=START_US + MINUTE_US)).require_any()
        other = life.create("other")
        assert not any(life.durability._archive.shelf.has_dropped(other, hour_us) for hour_us in life.export().kept)
    said = capsys.readouterr().out
    assert 1 <= said.count("rows were dropped before they were archived") <= 2  # at once, and the rest at the end


def test_what_went_unarchived_is_known_after_a_restart(tmp_path: Path) -> None:
    with living(tmp_path, Standing(START_US + 2 * HOUR_US), filesystem=NoRoomForRows(), journal_bytes_max=40_000) as life:
        life.create()
        life.push(life.producer(batch(1).schema), *(batch(90, first=90 * number) for number in range(40)))
        life.settle()
        life.cover()
        until(lambda: life.durability._archive.dropping.unarchived.segments > 5)
    with living(tmp_path, Standing(START_US + 2 * HOUR_US)) as life:
        (gap,) = life.export().gaps
        assert gap.setting == "journal_bytes_max"


def outcome(life: Life, whole: pd.DataFrame) -> str | None:
    """Why rows cannot be had; None where they are as they were."""
    try:
        return None if life.rows().equals(whole) else "other rows"
    except FailedPrecondition as error:
        return error.reason


def test_a_file_that_is_damaged_anywhere_is_named_and_the_rest_is_had_without_it(tmp_path: Path) -> None:
    with living(tmp_path, Standing(START_US + HOUR_US)) as life:
        life.create()
        life.push(life.producer(batch(1).schema), *(batch(90, first=90 * number) for number in range(40)))
        life.settle()
        life.cover()
        whole = life.rows()
        path = max((tmp_path / "archive").rglob("*.parquet"), key=lambda path: path.stat().st_size)
        content = path.read_bytes()
        for at in range(0, len(content), 97):
            path.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
            said = outcome(life, whole)
            assert said is None or f"archive file {path} is damaged" in said, said
        path.write_bytes(content[:-4])
        with pytest.raises(FailedPrecondition, match=r"is damaged .* delete it"):
            life.export()
        path.unlink()
        assert 0 < len(life.rows()) < len(whole)
        assert sum(gap.counted - gap.kept for gap in life.export().gaps) == len(whole) - len(life.rows())


@pytest.mark.parametrize("is_over", [False, True], ids=["while its hour runs", "where it would be gathered"])
def test_a_file_whose_columns_have_other_names_is_damaged(tmp_path: Path, is_over: bool) -> None:
    with living(tmp_path, Standing(START_US + HOUR_US)) as life:
        life.create()
        life.push(life.producer(batch(1).schema), *(batch(300, first=300 * number) for number in range(12)))
        life.cover()
        spoilt, *others = sorted((tmp_path / "archive").rglob("*.parquet"))
        content = spoilt.read_bytes()
        spoilt.write_bytes(content[:-2_000] + content[-2_000:].replace(b"truth", b"trutx"))
        if is_over:
            life.clock.at_us += 10 * MINUTE_US
            life.cover()
        with pytest.raises(FailedPrecondition, match=rf"{spoilt} is damaged .*trutx"):
            life.export()
        assert others and spoilt.exists()


def test_files_are_parquet_that_anyone_can_read(tmp_path: Path) -> None:
    with living(tmp_path) as life:
        life.create()
        life.push(life.producer(batch(1).schema), *(batch(90, first=90 * number) for number in range(9)))
        life.settle()
        life.cover()
        found = pq.read_table(tmp_path / "archive" / life.files()[0])
    assert found.schema.names == [*COLUMNS, "_arrival"]
    assert found.schema.field("word").type == pa.dictionary(pa.int32(), pa.string())
    assert [str(found.schema.field(name).type) for name in ("x", "n", "flag")] == ["double", "double", "bool"]


def test_rows_are_exported_while_more_come_and_are_archived(tmp_path: Path) -> None:
    with living(tmp_path) as life:
        life.create()
        handle = life.producer(batch(1).schema)
        done = 0
        for number in range(60):
            life.push(handle, batch(50, first=50 * number, step_us=100_000))
            done += 50
            if number % 4 == 0:
                ids = life.rows(ALL)["id"].tolist()
                assert ids[:done] == list(range(done))
        life.cover()
        assert life.rows()["id"].tolist() == list(range(3_000))


def test_an_hour_that_is_over_becomes_one_file_of_the_same_rows(tmp_path: Path) -> None:
    sent = [batch(300, first=300 * number) for number in range(12)]
    with living(tmp_path, Standing(START_US + HOUR_US)) as life:
        life.create()
        life.push(life.producer(sent[0].schema), *sent)
        life.cover()
        assert len(life.files()) > 3
        life.clock.at_us += 10 * MINUTE_US
        until(lambda: len(life.files()) == 1)
        assert_equal(life.rows(), expected(*sent))
        assert life.export().gaps == []
    with living(tmp_path, Standing(START_US + 2 * HOUR_US)) as life:
        assert_equal(life.rows(), expected(*sent))

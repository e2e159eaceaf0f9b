"""A data folder is private, used by one server at a time, and refused in one clear line."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database
from tests.server.store.building import HOUR_US, endpoint, hour

from driftline_server.store import Store, StoreError
from driftline_server.store.database import FILE
from driftline_server.store.tables import FORMAT

HOLD = """
import sys
from pathlib import Path
from driftline_server.store import Store
store = Store.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""
SAVE = """
import sys
from itertools import count
from pathlib import Path
from tests.server.store.building import endpoint, hour
from driftline_server.store import Store
store = Store.open(Path(sys.argv[1]))
store.save_endpoint(endpoint("u"))
for at in count():
    store.save_hours([hour(at), hour(at, revision=2, through=1)])
    print(at, flush=True)
"""
TRY = """
import sys
from pathlib import Path
from driftline_server.store import Store, StoreError
try:
    Store.open(Path(sys.argv[1])).close()
except StoreError as error:
    sys.exit(f"driftline: {error}")
"""


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False, timeout=60)


def test_what_is_saved_is_there_again_after_a_restart(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.save_endpoint(endpoint("u"))
    store.save_hours([hour(5)])
    store.close()
    again = Store.open(tmp_path)
    assert again.reader.endpoints() == [endpoint("u")]
    found = again.reader.hour("u", 5 * HOUR_US)
    assert found is not None
    assert found.profile == hour(5).profile
    again.close()


def test_a_second_server_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        second = run(TRY, tmp_path)
        first.kill()
    assert second.stderr == (
        f"driftline: data directory {tmp_path} is in use by another driftline server (process {first.pid}); "
        "stop it, or name another with --data DIR\n"
    )
    assert second.stdout == ""
    assert run(TRY, tmp_path).returncode == 0


def test_an_hour_is_saved_whole_or_not_at_all_whenever_the_server_is_killed(tmp_path: Path) -> None:
    for saved in (1, 40, 90):
        with subprocess.Popen(
            [sys.executable, "-c", SAVE, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
        ) as server:
            assert server.stdout is not None
            told = [int(server.stdout.readline()) for _ in range(saved)]
            server.kill()
        store = Store.open(tmp_path)
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        columns = store.connection.execute(
            "SELECT start_us, (SELECT count(*) FROM hour_columns WHERE hour_id = id) FROM hours"
        ).fetchall()
        store.close()
        assert {count for _, count in columns} == {4}
        assert {start_us for start_us, _ in columns} >= {at * HOUR_US for at in told}


def test_a_process_does_not_open_its_own_folder_twice(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"in use by another driftline server .process {os.getpid()}"):
        Store.open(tmp_path / "data")


def test_a_folder_that_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"data directory .*/file is a file; name another with --data DIR\Z"):
        Store.open(tmp_path / "file")
    with pytest.raises(StoreError, match=r"data directory .*/file/under cannot be written to: Not a directory; name another"):
        Store.open(tmp_path / "file" / "under")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="cannot be written to: Permission denied"):
        Store.open(closed)


def test_only_the_owner_may_read_what_is_kept(store: Store, tmp_path: Path) -> None:
    store.save_hours([hour(5)])
    files = list((tmp_path / "data").iterdir())
    assert {path.name for path in files} >= {FILE, f"{FILE}-wal", "driftline.lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_copy_that_all_may_read_is_made_private(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    (tmp_path / FILE).chmod(0o644)
    store = Store.open(tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob(f"{FILE}*")} == {0o600}
    store.close()


def test_migrating_twice_is_harmless(tmp_path: Path) -> None:
    schemas = []
    for _ in range(2):
        Store.open(tmp_path).close()
        db = Database(tmp_path / FILE)
        schemas.append(db.schema)
        assert all(table.strict for table in db.tables if not table.name.startswith(("_", "sqlite_")))
        db.close()
    assert schemas[0] == schemas[1]


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    db = Database(tmp_path / FILE)
    db["server"].upsert_all([{"key": "format", "value": str(FORMAT + 1)}, {"key": "version", "value": "9.0"}], pk="key")
    db.close()
    for _ in range(2):
        with pytest.raises(StoreError, match=rf"was written by driftline 9\.0 \(format {FORMAT + 1}\); .*install the newer one"):
            Store.open(tmp_path)


def test_what_is_no_database_is_refused_and_the_folder_given_back(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database at all" * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"driftline\.sqlite cannot be used: file is not a database"):
            Store.open(tmp_path)


def test_commits_are_synced_and_readers_apart(store: Store) -> None:
    pragma = {
        name: store.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

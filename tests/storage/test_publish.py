import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alveus.errors import TemporaryError
from alveus.storage import already_published, open_dataset, publish_file, read_manifest, republish
from alveus.storage.lock import writer_lock
from alveus.storage.publish import publish

from .conftest import make_prepared, publish_dataset


def build(path: Path, text: str = "one") -> None:
    path.mkdir()
    (path / "a").write_text(text)
    (path / "b").mkdir()
    (path / "b" / "c").write_text("two")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def publish_folder(folder: Path, text: str = "one", fails: Exception | None = None, **more) -> dict:
    with publish(folder / "x.zarr", folder / "x.json", "dataset", **more) as draft:
        build(draft.path, text)
        if fails:
            raise fails
        draft.fields["note"] = "n"
    return draft.manifest


def test_what_was_built_is_there_with_its_manifest_and_nothing_else(tmp_path):
    manifest = publish_folder(tmp_path)
    assert names(tmp_path) == ["x.json", "x.zarr"]
    assert read_manifest(tmp_path / "x.json") == manifest
    assert list(manifest["files"]) == ["x.zarr/a", "x.zarr/b/c"]
    assert manifest["note"] == "n"


def test_the_hashes_are_those_of_sha256sum(tmp_path):
    manifest = publish_folder(tmp_path)
    told = subprocess.run(["sha256sum", tmp_path / "x.zarr/b/c"], capture_output=True, text=True, check=True)
    assert manifest["files"]["x.zarr/b/c"] == [3, told.stdout.split()[0]]


def test_the_same_result_has_the_same_manifest_wherever_it_is_made(tmp_path):
    publish_folder(tmp_path / "one")
    publish_folder(tmp_path / "two")
    assert (tmp_path / "one/x.json").read_bytes() == (tmp_path / "two/x.json").read_bytes()


def test_a_failed_refit_leaves_the_previous_result_as_it_was(tmp_path):
    before = publish_folder(tmp_path)
    with pytest.raises(ZeroDivisionError):
        publish_folder(tmp_path, "half", fails=ZeroDivisionError())
    assert names(tmp_path) == ["x.json", "x.zarr"]
    assert read_manifest(tmp_path / "x.json") == before
    assert (tmp_path / "x.zarr/a").read_text() == "one"


def test_a_new_result_replaces_the_old_one_whole(tmp_path):
    publish_folder(tmp_path)
    (tmp_path / "x.zarr" / "stale").touch()
    publish_folder(tmp_path, "new")
    assert names(tmp_path / "x.zarr") == ["a", "b"]
    assert (tmp_path / "x.zarr/a").read_text() == "new"


def test_a_file_is_published_like_a_folder(tmp_path):
    for text in ("one", "two"):
        manifest = publish_file(
            lambda path, text=text: path.write_text(text) and None,
            tmp_path / "model.pt",
            tmp_path / "fit.json",
            "fit",
            {"method": "pca"},
        )
    assert names(tmp_path) == ["fit.json", "model.pt"]
    assert manifest["method"] == "pca"
    assert (tmp_path / "model.pt").read_text() == "two"


def test_a_digest_over_content_ignores_how_the_bytes_were_made(tmp_path):
    def model(text, content):
        def write(path):
            path.write_text(text)

        more = {"content": content} if content else {}
        return publish_file(write, tmp_path / "model.pt", tmp_path / "fit.json", "fit", {}, **more)["digest"]

    assert model("one", {"w": 1}) == model("two", {"w": 1}) != model("two", {"w": 2})
    assert model("one", None) != model("two", None)


KILLS = {
    "while building": "os.kill(os.getpid(), 9)",
    "after the manifest is gone": "publish_module.Path.rename = kill",
    "between the renames": "publish_module.Path.rename = once_then_kill",
    "before the manifest": "publish_module.write_manifest = kill",
}

SCRIPT = """
import os, sys
from pathlib import Path
import alveus.storage.publish as publish_module
rename, calls = Path.rename, []
def kill(*args): os.kill(os.getpid(), 9)
def once_then_kill(self, target):
    if calls: kill()
    calls.append(1)
    return rename(self, target)
folder = Path(sys.argv[1])
with publish_module.publish(folder / "x.zarr", folder / "x.json", "dataset") as draft:
    draft.path.mkdir()
    (draft.path / "a").write_text("killed")
    {kill}
"""


@pytest.mark.parametrize("moment", KILLS)
def test_a_kill_at_any_moment_publishes_nothing_and_the_next_run_is_clean(tmp_path, moment):
    publish_folder(tmp_path)
    script = SCRIPT.replace("{kill}", KILLS[moment])
    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    if (tmp_path / "x.json").exists():
        assert (tmp_path / "x.zarr/a").read_text() == "one"
    assert republish(tmp_path / "x.zarr", tmp_path / "x.json", tmp_path / "none", "k") is None
    assert [name for name in names(tmp_path) if name != "x.json"] == ["x.zarr"]
    assert (tmp_path / "x.zarr/a").read_text() == ("killed" if moment == "before the manifest" else "one")
    publish_folder(tmp_path, "new")
    assert names(tmp_path) == ["x.json", "x.zarr"]
    assert (tmp_path / "x.zarr/a").read_text() == "new"


def test_a_kill_in_the_middle_of_writing_a_dataset_leaves_no_dataset(tmp_path):
    script = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import conftest
prepared = conftest.make_prepared()
prepared.split = lambda start, stop: os.kill(os.getpid(), 9)
conftest.publish_dataset(Path(sys.argv[1]), prepared)
"""
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", script, tmp_path, here], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = names(tmp_path)
    assert "dataset.zarr" not in left
    assert "dataset.json" not in left
    assert any(name.startswith("dataset.zarr.tmp-") for name in left)
    open_dataset(publish_dataset(tmp_path, make_prepared()))
    assert names(tmp_path) == ["dataset.json", "dataset.zarr"]


def test_two_writers_of_one_output_are_refused(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from alveus.storage.lock import writer_lock\n"
        "with writer_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, tmp_path / "x.zarr"], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(TemporaryError, match=f"another process is writing it .*process {other.pid}"):
                publish_folder(tmp_path)
        finally:
            other.kill()
    publish_folder(tmp_path)  # a dead writer holds nothing
    assert names(tmp_path) == ["x.json", "x.zarr"]


def test_two_threads_cannot_hold_one_lock(tmp_path):
    with writer_lock(tmp_path / "x"):
        with pytest.raises(TemporaryError), writer_lock(tmp_path / "x"):
            pass
        with writer_lock(tmp_path / "y"):
            pass
    assert names(tmp_path) == []


def test_a_receipt_saves_the_work_when_only_the_manifest_is_gone(tmp_path):
    receipt, final, manifest = tmp_path / "work/r.json", tmp_path / "x.zarr", tmp_path / "x.json"
    publish_folder(tmp_path, receipt=receipt, key="k")
    content = manifest.read_bytes()
    manifest.unlink()
    assert republish(final, manifest, receipt, "other") is None
    assert not manifest.exists()
    assert republish(final, manifest, receipt, "k") == json.loads(content)
    assert manifest.read_bytes() == content


@pytest.mark.parametrize("harm", ["change", "remove", "add", "tear the receipt", "nothing published"])
def test_a_receipt_vouches_for_nothing_that_is_damaged(tmp_path, harm):
    receipt = tmp_path / "work/r.json"
    publish_folder(tmp_path, receipt=receipt, key="k")
    assert already_published(tmp_path / "x.zarr", receipt, "k") is not None
    match harm:
        case "change":
            (tmp_path / "x.zarr/a").write_text("eno")
        case "remove":
            (tmp_path / "x.zarr/a").unlink()
        case "add":
            (tmp_path / "x.zarr/z").touch()
        case "tear the receipt":
            receipt.write_bytes(receipt.read_bytes()[:50])
        case "nothing published":
            (tmp_path / "x.zarr").rename(tmp_path / "elsewhere")
    assert already_published(tmp_path / "x.zarr", receipt, "k") is None


@pytest.mark.parametrize("error", [OSError(errno.EDQUOT, "quota"), RuntimeError("No space left (os error 28)")])
def test_a_full_disk_is_told_with_the_place_and_the_free_bytes(tmp_path, error):
    publish_folder(tmp_path)
    with pytest.raises(TemporaryError, match=r"x\.zarr: .*bytes free.*nothing was published"):
        publish_folder(tmp_path, "new", fails=error)
    assert names(tmp_path) == ["x.json", "x.zarr"]


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk takes root")
    yield place
    for _ in range(20):
        if not subprocess.run(["umount", place], capture_output=True, check=False).returncode:
            break
        time.sleep(0.1)


def test_a_disk_that_fills_up_while_a_dataset_is_written_publishes_nothing(small_disk, prepared):
    with pytest.raises(TemporaryError, match="no space left"):
        publish_dataset(small_disk, prepared)
    assert names(small_disk) == []

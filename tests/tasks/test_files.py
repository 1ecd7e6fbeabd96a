import hashlib
import io
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from setwise._checks import InputError
from setwise.tasks import get_task
from setwise.tasks.files import directory_of, download, get
from setwise.tasks.task import RemoteFile

CONTENT = bytes(range(256)) * 1021


def _zipped(content):
    """Make an archive of one file, stored as it is."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("a.bin", content)
    return whole.getvalue()


ZIP = _zipped(CONTENT)


class _Server(BaseHTTPRequestHandler):
    file: RemoteFile
    content = CONTENT
    asked: tuple[str, ...] = ()
    stop_after: int | None = None
    knows_ranges = True
    says_length = True
    chunked = False
    shift = 0  # bytes by which the answer to a range begins late

    def do_GET(self):
        asked = self.headers.get("Range")
        type(self).asked += (asked or "all",)
        start = int(asked.removeprefix("bytes=").rstrip("-")) + self.shift if asked and self.knows_ranges else 0
        if asked and start >= len(self.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(self.content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if self.says_length:
            self.send_header("Content-Length", str(len(self.content) - start))
        if self.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3e8\r\n" + self.content[start : start + 1000] + b"\r\n3e8\r\n" + bytes(10))
            return
        self.end_headers()
        end = len(self.content) if self.stop_after is None else min(len(self.content), start + self.stop_after)
        self.wfile.write(self.content[start:end])

    def log_message(self, format, *args):  # noqa: A002 - the base class's names
        """Say nothing."""


@pytest.fixture
def server():
    kind = type("Server", (_Server,), {})
    running = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    kind.file = RemoteFile("a.bin", f"http://127.0.0.1:{running.server_port}/a.bin", hashlib.md5(CONTENT).hexdigest())
    yield kind
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_download_that_was_cut_off_goes_on(server, tmp_path, knows_ranges):
    server.knows_ranges = knows_ranges
    server.stop_after = 1000
    target = tmp_path / "a.bin"
    with pytest.raises(InputError, match="goes on"):
        download(server.file, target)
    assert not target.exists()
    assert (tmp_path / "a.bin.part").stat().st_size == 1000
    server.stop_after, seen = None, []
    download(server.file, target, progress=lambda *step: seen.append(step))
    assert target.read_bytes() == CONTENT
    assert server.asked == ("all", "bytes=1000-")
    assert seen[-1] == ("a.bin", len(CONTENT), len(CONTENT))
    assert not (tmp_path / "a.bin.part").exists()


def test_a_download_in_chunks_that_breaks_keeps_what_arrived(server, tmp_path):
    server.chunked, server.says_length = True, False
    with pytest.raises(InputError, match=r"kept in .*a\.bin\.part"):
        download(server.file, tmp_path / "a.bin")
    assert (tmp_path / "a.bin.part").read_bytes() == CONTENT[:1000] + bytes(10)


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    with pytest.raises(InputError, match="checksum"):
        download(RemoteFile("a.bin", server.file.url, "0" * 32), tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"<html>come back later</html>", b"", ZIP[:-50], ZIP.replace(b"\x07\x08", b"!!")])
def test_what_is_no_archive_is_not_kept_as_one(server, tmp_path, content):
    server.content, server.says_length = content, False
    with pytest.raises(InputError, match="must be a whole zip archive"):
        download(RemoteFile("a.zip", server.file.url), tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_another_part_than_was_asked_for_is_not_added(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    server.shift = 256
    download(server.file, tmp_path / "a.bin")
    assert server.asked == ("bytes=1000-", "all")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("part", "requests"), [(ZIP, 1), (ZIP + b"more", 2), (bytes(len(ZIP) + 4), 2)], ids=["whole", "longer", "other"]
)
def test_what_a_killed_download_left_whole_or_longer_is_no_dead_end(server, tmp_path, known, part, requests):
    server.content = ZIP
    (tmp_path / "a.zip.part").write_bytes(part)
    md5 = hashlib.md5(ZIP).hexdigest() if known else None
    download(RemoteFile("a.zip", server.file.url, md5), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == ZIP
    assert server.asked == (f"bytes={len(part)}-", "all")[:requests]


def test_no_connection_is_told_in_words(tmp_path):
    with pytest.raises(InputError, match="could not be fetched"):
        download(RemoteFile("a", "http://127.0.0.1:9/a"), tmp_path / "a")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SETWISE_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


def test_files_at_hand_are_copied_and_found(home, tmp_path):
    task, at_hand = get_task("point-cloud"), tmp_path / "at hand"
    for part in ("train", "test"):
        (at_hand / "ModelNet40" / "bed" / part).mkdir(parents=True)
        (at_hand / "ModelNet40" / "bed" / part / "bed_1.off").write_text("OFF")
    with pytest.raises(InputError, match="data get point-cloud"):
        directory_of(task)
    assert get(task, source=at_hand) == home / "modelnet40"
    assert directory_of(task) == home / "modelnet40"
    assert len(list(home.rglob("*.off"))) == 2


def test_a_damaged_copy_is_replaced_though_it_has_the_right_size(home, tmp_path):
    mesh = "ModelNet40/bed/{part}/bed_1.off"
    for part in ("train", "test"):
        path = tmp_path / mesh.format(part=part)
        path.parent.mkdir(parents=True)
        path.write_text("OFF")
    get(get_task("point-cloud"), source=tmp_path)
    copy = home / "modelnet40" / mesh.format(part="test")
    copy.write_text("FFO")
    get(get_task("point-cloud"), source=tmp_path)
    assert copy.read_text() == "OFF"


def test_a_damaged_archive_is_fetched_again(home, server):
    task = get_task("point-cloud")
    assert task.source is not None
    source = replace(task.source, files=(RemoteFile("a.zip", server.file.url),))
    task, target = replace(task, source=source), home / "modelnet40" / "a.zip"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"any bytes")
    server.content = ZIP
    for _ in range(2):
        get(task)
        assert target.read_bytes() == ZIP
    assert server.asked == ("all",)


def test_what_needs_a_form_says_how_to_hand_it_over(home):  # noqa: ARG001 - sets the home
    with pytest.raises(InputError, match="data get celeba-anomaly --from DIRECTORY"):
        directory_of(get_task("celeba-anomaly"))


def test_a_damaged_file_at_hand_is_refused(home, idx_folder):
    with pytest.raises(InputError, match="checksum"):
        get(get_task("mnist-var"), source=idx_folder)
    assert not list(home.rglob("*.gz"))


def test_a_directory_without_the_files_says_what_is_needed(home, tmp_path):  # noqa: ARG001 - sets the home
    with pytest.raises(InputError, match="ply_data_train"):
        get(get_task("point-cloud"), source=tmp_path)


def test_files_that_need_a_form_are_not_downloaded(home):  # noqa: ARG001 - sets the home
    with pytest.raises(InputError, match="without a form"):
        get(get_task("hematocrit"))


def test_made_tasks_need_nothing(home):
    assert get(get_task("normal-var")) is None
    assert not home.exists()


def test_the_real_files_have_their_checksums(home, real_data):
    task = get_task("mnist-var")
    assert get(task, source=real_data / "mnist") == home / "mnist"
    assert get(task) == home / "mnist"

"""Several real processes that get the same weights at once: each has them, whole, and nothing is left beside."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from coreset_studio.core.features.untrained import untrained_tensors
from coreset_studio.core.features.weight_files import write_tensors
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.files import process_mark
from coreset_studio.core.resources import user_data_folder

ROOT = Path(__file__).resolve().parents[3]
AT_ONCE = 3
PIECES = 40
DOWNLOAD = """
import sys
from dataclasses import replace
from pathlib import Path
from coreset_studio.core.features import weights as module
from coreset_studio.core.features.weight_download import download_to
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
folder, address, md5 = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
changed = replace(WEIGHT_SETS["mobilenetv2"], address=address, md5=md5)
module.WEIGHT_SETS = {**WEIGHT_SETS, "mobilenetv2": changed}
found = download_to(folder, changed)
assert found.state == "verified" and found.file == folder / "weights.h5", found
"""
IMPORT = """
import sys, time
from pathlib import Path
from coreset_studio.core.features.weights import import_weights
(Path(sys.argv[2]) / sys.argv[3]).touch()
while len(list(Path(sys.argv[2]).iterdir())) < int(sys.argv[4]):
    time.sleep(0.001)
for _ in range(3):
    assert import_weights(Path(sys.argv[1])).name == "mobilenetv2"
"""


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("official") / "official.weights.h5"
    weights = WEIGHT_SETS["mobilenetv2"]
    write_tensors(file, weights.layers, untrained_tensors(weights.layers, seed=8))
    return file


@pytest.fixture
def address(official: Path) -> Iterator[str]:
    """A host that begins to answer when all have asked, and sends each of them one piece after another."""
    content, all_asked = official.read_bytes(), threading.Barrier(AT_ONCE, timeout=60)
    turn = threading.Barrier(AT_ONCE, timeout=60)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            all_asked.wait()
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            size = -(-(len(content) - start) // PIECES)
            for number in range(PIECES):
                self.wfile.write(content[start + number * size : start + (number + 1) * size])
                turn.wait()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/weights.h5"
    server.shutdown()
    server.server_close()
    thread.join()


def run_at_once(script: str, *arguments: list[object]) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *map(str, each)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for each in arguments
    ]  # fmt: skip
    said = [each.communicate()[0] for each in processes]
    assert [each.returncode for each in processes] == [0] * len(processes), said


@pytest.mark.slow
@pytest.mark.parametrize("begun", [False, True])
def test_downloads_at_once_do_not_disturb_each_other(official: Path, address: str, tmp_path: Path, begun: bool) -> None:
    content = official.read_bytes()
    if begun:
        (tmp_path / ".weights.h5.part").write_bytes(content[:1_000_000])
    run_at_once(DOWNLOAD, *[[tmp_path, address, hashlib.md5(content).hexdigest()]] * AT_ONCE)
    assert (tmp_path / "weights.h5").read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["weights.h5"]


@pytest.mark.slow
def test_what_killed_downloads_left_is_taken_over(official: Path, tmp_path: Path) -> None:
    content = official.read_bytes()
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    host = process_mark().partition("-")[0]
    for mark, n_bytes in (("0badcafe", 1000), ("1badcafe", len(content)), ("2badcafe", 10)):
        left = tmp_path / f".weights.h5.{host}-{gone.stdout.strip()}-{mark}.part"
        left.write_bytes(content[:n_bytes])
    other = tmp_path / f".weights.h5.{host}-{os.getpid()}-0badcafe.part"
    other.write_bytes(b"of a process that is at work")
    # All of it is there: a host is asked for no more than what comes after its end.
    server = ThreadingHTTPServer(("127.0.0.1", 0), _NothingMore)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        where = f"http://127.0.0.1:{server.server_port}/weights.h5"
        run_at_once(DOWNLOAD, [tmp_path, where, hashlib.md5(content).hexdigest()])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (tmp_path / "weights.h5").read_bytes() == content
    assert {file.name for file in tmp_path.iterdir()} == {"weights.h5", other.name}


class _NothingMore(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(416 if self.headers.get("Range") else 404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
def test_imports_at_once_do_not_disturb_each_other(official: Path, tmp_path: Path) -> None:
    run_at_once(IMPORT, *[[official, tmp_path, number, AT_ONCE] for number in range(AT_ONCE)])
    (file,) = (user_data_folder() / "weights").iterdir()
    assert file.read_bytes() == official.read_bytes()

"""Downloads: only what was asked for, resumed where they stopped, verified before they count."""

import hashlib
import ssl
import threading
import urllib.error
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import certifi
import pytest

from coreset_studio.core.errors import CancelledError, WeightsError
from coreset_studio.core.features import weight_download
from coreset_studio.core.features import weights as weights_module
from coreset_studio.core.features.network import WeightSet
from coreset_studio.core.features.untrained import untrained_tensors
from coreset_studio.core.features.weight_download import download, download_to
from coreset_studio.core.features.weight_files import write_tensors
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.features.weights import find_weights
from coreset_studio.core.resources import user_data_folder


class Host:
    """A host of one file: what it serves, and what it was asked."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ranges: list[str | None] = []
        self.knows_ranges = True
        self.breaks_after: int | None = None
        self.status: int | None = None
        self.address = ""


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("official") / "official.weights.h5"
    weights = WEIGHT_SETS["mobilenetv2"]
    write_tensors(file, weights.layers, untrained_tensors(weights.layers, seed=8))
    return file.read_bytes()


@pytest.fixture
def host(content: bytes) -> Iterator[Host]:
    host = Host(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            host.ranges.append(asked)
            if host.status is not None:
                self.send_error(host.status)
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and host.knows_ranges else 0
            if start >= len(host.content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(host.content) - start))
            self.end_headers()
            end = len(host.content) if host.breaks_after is None else start + host.breaks_after
            self.wfile.write(host.content[start:end])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.address = f"http://127.0.0.1:{server.server_port}/weights.h5"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield host
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def weights(host: Host, content: bytes, monkeypatch: pytest.MonkeyPatch) -> WeightSet:
    """MobileNetV2 as if Keras published an MD5, at the address of our own host."""
    changed = replace(WEIGHT_SETS["mobilenetv2"], address=host.address, md5=hashlib.md5(content).hexdigest())
    monkeypatch.setattr(weights_module, "WEIGHT_SETS", {**WEIGHT_SETS, "mobilenetv2": changed})
    return changed


class Watch:
    def __init__(self, stop_at: int = 1 << 60) -> None:
        self.stop_at = stop_at
        self.reports: list[tuple[int, int]] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        assert message == "Downloading MobileNetV2: bytes"
        self.reports.append((done, total))
        if done >= self.stop_at:
            raise CancelledError

    def publish(self, result: object) -> None:
        raise AssertionError(result)


def test_download_lands_in_the_users_folder_verified(weights: WeightSet, host: Host, content: bytes) -> None:
    watch = Watch()

    entry = download("mobilenetv2", watch)

    assert entry.state == "verified"
    assert entry.file == user_data_folder() / "weights" / "weights.h5"
    assert entry.file.read_bytes() == content
    assert list(entry.file.parent.iterdir()) == [entry.file]
    assert watch.reports[0] == (0, len(content))
    assert watch.reports[-1] == (len(content), len(content))
    assert host.ranges == [None]


def test_cancelled_download_goes_on_where_it_stopped(
    weights: WeightSet, host: Host, content: bytes, tmp_path: Path
) -> None:
    with pytest.raises(CancelledError):
        download_to(tmp_path, weights, progress=Watch(stop_at=1_000_000))
    assert not (tmp_path / "weights.h5").exists()

    found = download_to(tmp_path, weights)

    start = int((host.ranges[1] or "").removeprefix("bytes=").removesuffix("-"))
    assert 1_000_000 <= start < len(content)
    assert found.file.read_bytes() == content


def test_broken_connection_is_told_and_resumed(weights: WeightSet, host: Host, content: bytes, tmp_path: Path) -> None:
    host.breaks_after = 600_000
    with pytest.raises(WeightsError, match="The downloaded part is kept; the same command resumes from there"):
        download_to(tmp_path, weights)
    host.breaks_after = None

    assert download_to(tmp_path, weights).file.read_bytes() == content
    assert host.ranges[1] == "bytes=600000-"


def test_host_that_knows_no_ranges_starts_over(weights: WeightSet, host: Host, content: bytes, tmp_path: Path) -> None:
    host.knows_ranges = False
    (tmp_path / ".weights.h5.part").write_bytes(content[:1000])

    assert download_to(tmp_path, weights).file.read_bytes() == content


def test_download_that_was_complete_is_only_verified(
    weights: WeightSet, host: Host, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / ".weights.h5.part").write_bytes(content)

    assert download_to(tmp_path, weights).state == "verified"


def test_wrong_file_is_refused_and_removed(weights: WeightSet, host: Host, content: bytes, tmp_path: Path) -> None:
    host.content = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(WeightsError, match="its MD5 differs"):
        download_to(tmp_path, weights)

    assert list(tmp_path.iterdir()) == []


def test_failed_download_leaves_the_file_that_was_there(
    weights: WeightSet, host: Host, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "weights.h5").write_bytes(b"old")
    host.content = b"<html>"
    with pytest.raises(WeightsError):
        download_to(tmp_path, weights)

    assert (tmp_path / "weights.h5").read_bytes() == b"old"


def test_file_without_an_official_md5_is_unverified_and_must_fit(
    weights: WeightSet, host: Host, content: bytes, tmp_path: Path
) -> None:
    nameless = replace(weights, md5="")
    weights_module.WEIGHT_SETS["mobilenetv2"] = nameless  # type: ignore[index]
    assert download_to(tmp_path, nameless).state == "unverified"

    (tmp_path / "weights.h5").unlink()
    host.content = content[:-200_000]
    with pytest.raises(WeightsError, match="truncated"):
        download_to(tmp_path, nameless)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_refusal_of_the_host_is_told(weights: WeightSet, host: Host, tmp_path: Path, status: int) -> None:
    host.status = status

    with pytest.raises(WeightsError, match=r"could not be downloaded from http://127"):
        download_to(tmp_path, weights)


def test_host_out_of_reach_is_told(weights: WeightSet, tmp_path: Path) -> None:
    nowhere = replace(weights, address="http://127.0.0.1:9/weights.h5")

    with pytest.raises(WeightsError, match=r"could not be downloaded from http://127.0.0.1:9/weights.h5 \(.+\)\.$"):
        download_to(tmp_path, nowhere)


def test_unwritable_folder_is_told(weights: WeightSet, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")

    with pytest.raises(WeightsError, match="cannot be written"):
        download_to(tmp_path / "blocked", weights)


def contexts(monkeypatch: pytest.MonkeyPatch, answer: Exception) -> list[ssl.SSLContext]:
    """Return the list of contexts with which hosts are asked; each of them answers with an error."""
    found: list[ssl.SSLContext] = []

    def ask(*_: object, context: ssl.SSLContext, **__: object) -> None:
        found.append(context)
        raise answer

    monkeypatch.setattr(weight_download.urllib.request, "urlopen", ask)
    return found


def test_a_host_is_checked_where_the_system_has_no_certificates(
    weights: WeightSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As Python on macOS, whose OpenSSL looks for them in a folder that is not there, or is empty."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    for folder in ("none", "empty"):
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / folder))
        used = contexts(monkeypatch, urllib.error.URLError("unreachable"))
        with pytest.raises(WeightsError, match="unreachable"):
            download_to(tmp_path, weights, address="https://127.0.0.1:9/weights.h5")
        (context,) = used
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert len(context.get_ca_certs()) > 100


def test_certificates_that_the_user_names_are_the_only_ones(
    weights: WeightSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    everything = ssl.create_default_context()
    everything.load_verify_locations(certifi.where())
    one = everything.get_ca_certs(binary_form=True)[0]
    (tmp_path / "own.pem").write_text(ssl.DER_cert_to_PEM_cert(one), encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    used = contexts(monkeypatch, urllib.error.URLError(ssl.SSLCertVerificationError("self-signed certificate")))
    with pytest.raises(WeightsError, match="set SSL_CERT_FILE to a file with its certificate"):
        download_to(tmp_path, weights, address="https://127.0.0.1:9/weights.h5")
    assert used[0].get_ca_certs(binary_form=True) == [one]


def test_nothing_but_download_opens_a_connection(
    weights: WeightSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(weight_download.urllib.request, "urlopen", refuse)
    monkeypatch.setattr(weights_module, "weight_folders", lambda: (tmp_path,))
    with pytest.raises(WeightsError):
        find_weights("mobilenetv2")
    assert {entry.state for entry in weights_module.list_weights()} == {"missing"}


def test_official_addresses_are_encrypted_and_of_keras() -> None:
    for weights in WEIGHT_SETS.values():
        if weights.name == "efficientnet-lite0":
            # No host has it as a file of Keras.
            assert (weights.address, bool(weights.command)) == ("", True)
        else:
            assert weights.address.startswith("https://storage.googleapis.com/tensorflow/keras-applications/")

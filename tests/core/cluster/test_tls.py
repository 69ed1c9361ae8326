"""A scheduler and a worker behind TLS, with certificates that are made here: who is admitted, and who is not."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.cluster import Scheduler, connected
from coreset_studio.core.errors import ClusterError

pytest.importorskip("distributed")
OPENSSL = shutil.which("openssl")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(OPENSSL is None, reason="certificates are made with openssl")]


class Authority:
    """An authority of its own with one certificate, for programs at 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.ca, self.cert, self.key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
        ca_key, request, names = folder / "ca-key.pem", folder / "request.pem", folder / "names.txt"
        names.write_text("subjectAltName=IP:127.0.0.1\n")
        new_key = ["-newkey", "rsa:2048", "-nodes"]
        run("req", "-x509", *new_key, "-keyout", ca_key, "-out", self.ca, "-days", "2", "-subj", "/CN=authority")
        run("req", *new_key, "-keyout", self.key, "-out", request, "-subj", "/CN=127.0.0.1")
        signed_by = ["-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial"]
        run("x509", "-req", "-in", request, *signed_by, "-out", self.cert, "-days", "2", "-extfile", names)

    def scheduler(self, address: str) -> Scheduler:
        return Scheduler(address, self.ca, self.cert, self.key)


def run(*words: str | Path) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def cluster(authority: Authority) -> Iterator[Any]:
    from distributed import LocalCluster
    from distributed.security import Security

    files = {"tls_ca_file": str(authority.ca)}
    for who in ("scheduler", "worker", "client"):
        files |= {f"tls_{who}_cert": str(authority.cert), f"tls_{who}_key": str(authority.key)}
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        host="tls://127.0.0.1",
        security=Security(require_encryption=True, **files),
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
    ) as running:
        yield running


def test_a_certificate_of_the_authority_is_admitted(cluster: Any, authority: Authority) -> None:
    assert cluster.scheduler_address.startswith("tls://127.0.0.1:")
    with connected(authority.scheduler(cluster.scheduler_address)) as there:
        assert there is not None
        assert len(there.accepted) == 1
        assert list(there.map(abs, [-3, -2], lambda: None)) == [3, 2]
        assert there.client.security.require_encryption


def test_without_protocol_the_files_decide(cluster: Any, authority: Authority) -> None:
    address = cluster.scheduler_address.removeprefix("tls://")
    with connected(authority.scheduler(address)) as there:
        assert there is not None
        assert there.client.scheduler.address == cluster.scheduler_address


def test_a_certificate_of_another_authority_is_not(cluster: Any, tmp_path: Path) -> None:
    other = Authority(tmp_path / "others")
    with (
        pytest.raises(ClusterError, match=r"did not answer within 3 seconds\. Check .* TLS files"),
        connected(other.scheduler(cluster.scheduler_address), seconds=3),
    ):
        pass


def test_an_unencrypted_connection_is_not(cluster: Any) -> None:
    address = cluster.scheduler_address.replace("tls://", "tcp://")
    with (
        pytest.raises(ClusterError, match="did not answer within 3 seconds"),
        connected(Scheduler(address), seconds=3),
    ):
        pass


def test_files_that_are_no_certificates_are_named(authority: Authority, tmp_path: Path) -> None:
    other, text = Authority(tmp_path / "others"), tmp_path / "text.pem"
    text.write_text("nothing")
    address = "tls://127.0.0.1:9"
    for files, said in (
        ((text, authority.cert, authority.key), r"text\.pem is no certificate of an authority \(.*\)\. Expected PEM"),
        ((authority.ca, authority.cert, text), r"text\.pem are no certificate and its key"),
        ((authority.ca, authority.cert, other.key), "are no certificate and its key without a password"),
    ):
        with pytest.raises(ClusterError, match=said), connected(Scheduler(address, *files), seconds=1):
            pass


def test_a_key_with_a_password_is_refused_without_asking(authority: Authority, tmp_path: Path) -> None:
    protected = tmp_path / "protected.pem"
    run("rsa", "-aes256", "-passout", "pass:secret", "-in", authority.key, "-out", protected)
    scheduler = Scheduler("tls://127.0.0.1:9", authority.ca, authority.cert, protected)
    with pytest.raises(ClusterError, match="its key without a password"), connected(scheduler, seconds=1):
        pass

"""The engine opens no network socket, the libraries that it imports included."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WATCHED = """
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(given[1:]) if event == "socket.__new__" else None)
from coreset_studio.core.features.engine import import_keras
import_keras()
import socket
assert "urllib3" in sys.modules
print(opened, socket.has_ipv6)
"""


@pytest.mark.slow
def test_importing_keras_opens_no_socket() -> None:
    answer = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == f"[] {socket.has_ipv6}"


def test_onnx_runtime_makes_no_identifier_to_report_with(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    # ONNX Runtime keeps quiet by itself where tests run.
    for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY"):
        environment.pop(name, None)

    subprocess.run([sys.executable, "-c", "import coreset_studio.core, onnxruntime"], check=True, env=environment)

    assert list(tmp_path.rglob("*onnxruntime*")) == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace tells what a program asks of the system")
def test_onnx_runtime_asks_the_system_for_no_network_socket(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    # It would look up the address nine seconds later.
    code = "import coreset_studio.core, onnxruntime, time; time.sleep(20)"
    trace = tmp_path / "trace"

    watched = ["strace", "-f", "--seccomp-bpf", "-e", "trace=socket", "-o", str(trace), sys.executable, "-c", code]
    subprocess.run(watched, check=True, env=environment)

    assert "exited with 0" in trace.read_text()
    assert set(re.findall(r"socket\((\w+)", trace.read_text())) <= {"AF_UNIX"}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace tells what a program asks of the system")
def test_a_whole_run_asks_the_system_for_no_network_socket(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(30):
            pixels = random.integers(0, 255, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    trace = tmp_path / "trace"
    options = (
        f"--out {tmp_path / 'out'} --cache {tmp_path / 'cache'} --extractor colour-texture --fractions 0.2 --seeds 1 "
        "--samplers random,even-herding --networks transfer,custom --untrained-backbone --backbone mobilenetv2 "
        "--image-size 32 --epochs 1 --min-steps 1 --no-controls --onnx"
    ).split()
    run = [sys.executable, "-m", "coreset_studio.core.cli", "run", str(tmp_path / "images"), *options]
    said = subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-e", "trace=socket", "-o", str(trace), *run],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr[-2000:]
    assert "exited with 0" in trace.read_text()
    families = set(re.findall(r"socket\((\w+)", trace.read_text()))
    assert families <= {"AF_UNIX"}, families

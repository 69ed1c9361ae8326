"""How long the window takes from starting Python to being shown, in fresh processes; the aim is one second.

    python benchmarks/window_start.py [--times 5]

Prints seconds until the first paint, memory of the window's process, and whether anything heavy was imported.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

PROGRAM = """
import gc, sys, time, json
gc.disable()  # as coreset_studio.desktop_app.__main__ does
from PySide6.QtCore import QTimer
from coreset_studio.desktop_app.application import Application, Options, make_qt_application
app = make_qt_application(["coreset-studio"])
application = Application(app, Options())
application.start()
app.processEvents()
import psutil
process = psutil.Process()
heavy = sorted({"tensorflow", "keras", "sklearn", "scipy", "matplotlib", "cv2", "pyqtgraph"} & set(sys.modules))
times = process.cpu_times()
print(json.dumps({
    "seconds": time.time() - process.create_time(), "cpu": times.user + times.system,
    "mb": process.memory_info().rss / 1e6, "heavy": heavy,
}))
application.window.close()
"""
LIMIT_SECONDS = 1.0


def measure() -> dict[str, object]:
    """Start once and return what the process says of itself."""
    import json

    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen"),
            "XDG_CONFIG_HOME": home,
            "CORESET_DATA": home,
            "CORESET_CACHE": home,
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Measure several times; exit 1 if the median misses the aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    measure()  # warms the disk
    found = [measure() for _ in range(times)]
    seconds = [float(str(one["seconds"])) for one in found]
    median = statistics.median(seconds)
    cpu = statistics.median(float(str(one["cpu"])) for one in found)
    print(f"window shown after {median:.2f} s (median of {times}; {min(seconds):.2f} to {max(seconds):.2f} s)")
    print(f"processor time {cpu:.2f} s, which does not depend on what else the machine does")
    print(f"memory {found[0]['mb']:.0f} MB, heavy imports: {found[0]['heavy'] or 'none'}")
    return 0 if median <= LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())

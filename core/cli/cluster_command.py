"""The command that runs a cluster on this computer: `coreset cluster`."""

import argparse
from threading import Event

from coreset_studio.core.cli.terminal import say
from coreset_studio.core.cluster.local import local_cluster
from coreset_studio.core.errors import SettingsError


def cluster(options: argparse.Namespace) -> int:
    """Run a scheduler and workers until the user stops them."""
    if not 0 <= options.port < 65536:
        raise SettingsError(f"--port is {options.port}; expected a number from 0 to 65535.")
    with local_cluster(options.workers, port=options.port, n_threads=options.threads or 1) as running:
        n = options.workers
        say(f"{n} worker{'s' * (n != 1)} at {running.scheduler_address}; Ctrl+C stops them.", flush=True)
        try:
            Event().wait()
        except KeyboardInterrupt:
            say("Stopped.")
    return 0

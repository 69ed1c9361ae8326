"""Requests about a scheduler: whether it can be reached, and which one features are extracted on."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from coreset_studio.core.cluster import Scheduler
from coreset_studio.core.errors import ClusterError
from coreset_studio.core.progress import Progress
from coreset_studio.core.service.requests import Request

TLS_FILES = {"tls_ca": "Authority", "tls_cert": "Certificate", "tls_key": "Key"}


@dataclass(frozen=True)
class SchedulerChoice:
    """The scheduler of the user's settings, as it was entered.

    Attributes
    ----------
    address : str
        Empty: none; features are extracted by this computer.
    tls_ca, tls_cert, tls_key : str
        Paths of the files for TLS; empty: none.
    """

    address: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""

    def problem(self) -> str:
        """Return a sentence on what cannot be used; empty if all can, or no scheduler is chosen."""
        given = [title for name, title in TLS_FILES.items() if getattr(self, name)]
        lacking = [title for title in TLS_FILES.values() if title not in given]
        if not self.address.strip():
            return "TLS files are chosen without an address; enter one, or remove the files." if given else ""
        if given and lacking:
            are = "are" if len(lacking) > 1 else "is"
            return f"TLS requires three files; {' and '.join(lacking)} {are} missing."
        if self.address.strip().startswith("tls://") and not given:
            return "This address is encrypted, which requires the three TLS files; choose them."
        try:
            self.scheduler()
        except ClusterError as error:
            return str(error)
        return ""

    def scheduler(self) -> Scheduler | None:
        """Return the scheduler; None if none is chosen.

        Raises
        ------
        ClusterError
            If it cannot be used.
        """
        address = self.address.strip()
        if not address:
            return None
        return Scheduler(address, *(Path(file) if (file := getattr(self, name)) else None for name in TLS_FILES))


NO_SCHEDULER = SchedulerChoice()


@dataclass(frozen=True)
class ReachScheduler(Request[str]):
    """Connect to a scheduler and check its workers; the result is a sentence.

    Attributes
    ----------
    choice : SchedulerChoice
        With an address.
    """

    is_for_display: ClassVar[bool] = True
    choice: SchedulerChoice

    def run(self, progress: Progress) -> str:
        """Connect, and count the workers.

        Raises
        ------
        ClusterError
            If it cannot be reached, or no worker has the versions of this computer.
        """
        from coreset_studio.core.cluster import connected
        from coreset_studio.core.cluster.notes import cluster_notes

        progress.report(0, 0, "Connecting to the scheduler")
        with connected(self.choice.scheduler()) as cluster:
            if cluster is None:
                raise ClusterError("No address of a scheduler is entered; expected HOST:PORT.")
            if not cluster.accepted:
                return "The scheduler answered. It has no worker yet; features wait for one for a minute."
            computing, *others = cluster_notes(cluster)
            found = computing.removeprefix("Computing on ").rstrip(".")
            return " ".join([f"The scheduler answered: {found}.", *others])

"""A resident: one object in a process of its own that answers questions."""

import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.endings import how_it_died, process_died
from core.engine_handle import GRACE_SECONDS, NO_KEYWORDS, EngineProcess, Silence, tail
from core.engine_process import run_resident
from core.job_events import Answered, Failed, Limited, Ready, Refused, Reported, Request, Stop, Stopped
from core.limits import ended_the_process, took_too_long

Answer = Ready | Reported | Answered | Refused | Stopped | Failed


class Resident(EngineProcess):
    """One object in a process of its own that answers requests one after another.

    Parameters
    ----------
    name : str
        ``"module:Class"``; built in the process with `arguments` and `keywords`.

    Notes
    -----
    Questions asked with `latest` are for a slider: a newer one to the same method takes the place of those that wait
    and stops the one being computed, if it reports progress. What was overtaken is never answered; that the one being
    computed has stopped is told.

    Attributes
    ----------
    ready : bool
        The object is built.
    dead : bool
    died_how : str
        A sentence, where it ended without a last word.
    killed_for_stop : bool
        It ended because a question was cancelled and did not stop by itself, which is no fault of its own.
    """

    def __init__(
        self,
        name: str,
        arguments: tuple[Any, ...] = (),
        keywords: Mapping[str, Any] = NO_KEYWORDS,
        *,
        output: Path | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(run_resident, name, arguments, keywords, output=output, threads=threads)
        self._recipe = (name, arguments, keywords, output, threads)
        self._asked: deque[tuple[Request, str]] = deque()
        self._in_flight: tuple[Request, str] | None = None
        self._cancelled: int | None = None
        self._kill_at = float("inf")
        self._unsaid: list[Answer] = []
        self._silence = Silence()
        self.ready = False
        self.dead = False
        self.died_how = ""
        self.killed_for_stop = False

    def ask(self, number: int, method: str, arguments: tuple[Any, ...] = (), *, latest: bool = False) -> None:
        """Ask for ``object.method(*arguments)``; `number` comes back with the answer.

        Parameters
        ----------
        latest : bool
            Drop questions to the same method that are still waiting and were asked with `latest`, too.
        """
        kind = method if latest else ""
        if latest:
            self._asked = deque(asked for asked in self._asked if asked[1] != kind)
            if self._in_flight is not None and self._in_flight[1] == kind:
                self.send(Stop(self._in_flight[0].number))
        self._asked.append((Request(number, method, arguments), kind))
        self._send_next()

    def stop(self, number: int) -> None:
        """Want no answer to this question any more; one that is being computed stops at its next report."""
        self._asked = deque(asked for asked in self._asked if asked[0].number != number)
        if self._in_flight is not None and self._in_flight[0].number == number:
            self.send(Stop(number))

    def cancel(self, number: int) -> None:
        """Stop a question as the user wants; `Stopped` is its answer.

        One that is being computed stops at its next report; if that takes longer than three seconds, `take_answers`
        kills the process, and `again` goes on with the questions that wait.
        """
        waiting = any(asked[0].number == number for asked in self._asked)
        self.stop(number)
        if waiting:
            self._unsaid.append(Stopped(number))
        elif self._in_flight is not None and self._in_flight[0].number == number:
            self._cancelled, self._kill_at = number, time.monotonic() + GRACE_SECONDS

    def take_answers(self) -> list[Answer]:
        """Return what has arrived, without waiting. `Failed` is the last: the process is gone."""
        if self.dead:
            return []
        answers, self._unsaid = self._unsaid, []
        if self._cancelled is not None and time.monotonic() > self._kill_at:
            self.killed_for_stop = True
            self.kill()
            self._process.join(GRACE_SECONDS)
        try:
            for answer in self.receive():
                self._silence.heard(answer)
                if isinstance(answer, Limited):
                    continue
                if isinstance(answer, Stopped | Answered | Refused):
                    self._in_flight = self._cancelled = None
                    self._silence = Silence()
                self.ready = self.ready or isinstance(answer, Ready)
                answers.append(answer)  # type: ignore[arg-type]
                if isinstance(answer, Failed):
                    raise EOFError
                self._send_next()
            if self._silence.is_over():
                self.kill()
                raise EOFError
        except EOFError:
            answers += self._bury(spoke=bool(answers) and isinstance(answers[-1], Failed))
        return answers

    def again(self) -> "Resident":
        """Return a new process with the same object, not yet started, that takes over the questions still waiting."""
        name, arguments, keywords, output, threads = self._recipe
        heir = Resident(name, arguments, keywords, output=output, threads=threads)
        heir._asked = self._asked
        heir._output_read = self._output_read
        return heir

    def _send_next(self) -> None:
        if self.ready and self._in_flight is None and self._asked:
            self._in_flight = self._asked.popleft()
            self.send(self._in_flight[0])

    def _bury(self, *, spoke: bool) -> list[Answer]:
        self.dead = True
        last: list[Answer] = []
        self._process.join(GRACE_SECONDS)
        self.died_how = how_it_died(self._process.exitcode, self.cache_folder)
        opened = ""
        if self._silence.is_over():
            opened = took_too_long(self._silence.seconds)
        elif self._silence.n_bytes:
            opened = ended_the_process(self.died_how, self._silence.n_bytes)
        if self._in_flight is not None and self._in_flight[0].number == self._cancelled:
            last.append(Stopped(self._in_flight[0].number))
        elif self._in_flight is not None:  # perhaps what killed it: it is not asked again
            sentence = opened or f"{self.died_how} What was just asked has no answer."
            last.append(Refused(self._in_flight[0].number, sentence, tail(self.output)))
        if not spoke:
            last.append(Failed(process_died(self._process.exitcode, self.cache_folder), tail(self.output)))
        self.close()
        return last

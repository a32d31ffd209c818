"""Programs as processes: started, heard, waited for and stopped.

One loop does all of it: `Stage.until` hears what programs say, hands them what they are to read,
and looks at the lifeline, until something is so or time is over.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import time
from typing import Callable

from rsock._learn import keeper, listening
from rsock._learn.actor import KEPT, Actor, Part, without_interrupts
from rsock._learn.screen import Screen

_CHUNK = 1 << 16
#: How long to hear a program that has ended, whose output somebody else still holds open.
_ECHO = 0.2
#: How long a server may go on with what it began, after its last client.
_SETTLES = 3.0
BROKEN = 23  # as `rsock fetch` has it, where the output cannot be written
#: For how long it has to do nothing, to be taken for one that waits; and how often that is looked
#: at, at least, where the machine is so busy that the play itself is not let run.
_QUIET = 0.15
_LOOKS = 4


class Ended(Exception):
    """The play is to end now, with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Stage:
    """Where programs run: at most one scene at a time."""

    def __init__(self, screen: Screen, lifeline: int, grace: float) -> None:
        self._screen = screen
        self._lifeline = lifeline
        self._grace = grace
        self._actors: list[Actor] = []
        self._open: dict[int, Actor] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(lifeline, selectors.EVENT_READ)
        self._errors: set[int] = set()
        self._follower: Actor | None = None
        self._input_over = False
        wakeup, self._wakes = os.pipe()
        for fd in (wakeup, self._wakes):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wakeup = wakeup
        self._selector.register(wakeup, selectors.EVENT_READ)
        self._heard = time.monotonic()
        self._hearing = True
        self._deaf = False

    def start(self, part: Part, ports: dict[int, int]) -> Actor:
        """Start a program."""
        actor = Actor(part, self._screen, ports)
        self._actors.append(actor)
        self._errors.add(actor.error)
        for fd in (*actor.voices, actor.report):
            os.set_blocking(fd, False)
            self._open[fd] = actor
            if self._hearing or fd == actor.report:
                self._selector.register(fd, selectors.EVENT_READ)
        if actor.stdin is not None:
            os.set_blocking(actor.stdin.fileno(), False)
            if actor.follows:
                self._follow(actor)
            else:
                self._selector.register(actor.stdin, selectors.EVENT_WRITE)
        return actor

    def running(self) -> list[Actor]:
        """Return the programs of the scene that run."""
        return [actor for actor in self._actors if actor.status is None]

    def until(self, condition: Callable[[], bool], limit: float, step: float = 0.1) -> bool:
        """Hear the programs until `condition()` is true, or return False after `limit` seconds."""
        end = time.monotonic() + limit
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._round(min(left, step))
        return True

    def _round(self, wait: float) -> None:
        self._heed_room()
        broken = self._screen.writer.broken
        if broken is not None and not self._deaf:
            self._deaf = True
            # A terminal that was closed fails otherwise than a pipe that nobody reads.
            raise Ended(BROKEN if broken.errno == errno.EPIPE else 128 + signal.SIGHUP)
        ready = self._selector.select(wait)
        # A program that says what it changed says it first; one that fails, last (see `_read`).
        ready.sort(key=lambda event: event[0].fd not in self._errors)
        for key, _ in ready:
            if key.fd == self._lifeline:
                self._hear_front()
            elif key.fd == self._wakeup:
                os.read(self._wakeup, 4096)
            elif key.fd == 0:
                self._pass_on()
            elif key.fd in self._open:
                self._read(key.fd)
            elif key.fd in self._selector.get_map():  # not what ended in this very round
                self._feed(key.fd)
        now = time.monotonic()
        for actor in self._actors:
            for voice in actor.voices.values():
                voice.flush(now)

    def _heed_room(self) -> None:
        """Stop hearing programs while nobody reads what they said, and begin again."""
        wanted = not self._screen.writer.full
        if wanted == self._hearing:
            return
        self._hearing = wanted
        for fd, actor in self._open.items():
            if fd != actor.report:
                if wanted:
                    self._selector.register(fd, selectors.EVENT_READ)
                else:
                    self._selector.unregister(fd)

    def _hear_front(self) -> None:
        try:
            said = os.read(self._lifeline, 64)
        except BlockingIOError:
            return
        for number, letter in keeper.SIGNALS.items():
            if letter in said:
                raise Ended(128 + number)
        # The front is no more: there is nobody to say anything to, and no time to lose.
        keeper.sweep()
        os._exit(1)

    def _read(self, fd: int) -> bool:
        actor = self._open[fd]
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            if fd in self._selector.get_map():  # not while nobody reads
                self._selector.unregister(fd)
            del self._open[fd]
            if fd in actor.voices:
                actor.voices[fd].flush()
            return False
        if fd == actor.report:
            actor.heed(data)
            return True
        self._heard = time.monotonic()
        if fd == actor.error:
            actor.tail = (actor.tail + data)[-KEPT:]
            if actor.stopping:
                actor.held = (actor.held + data)[-KEPT:]
                return True
            if b"Traceback (most" in data:
                for other, voice in actor.voices.items():
                    if other != fd:
                        if other in self._open:  # once: another thread may print without end
                            self._read(other)
                        voice.flush()
        actor.voices[fd].say(data)
        return True

    def knows_ports(self, actor: Actor) -> bool:
        """Tell whether all is known of the ports that a program has by now."""
        while actor.report in self._open and self._read(actor.report):
            pass
        return not actor.binding

    def _feed(self, fd: int) -> None:
        for actor in self._actors:
            if actor.stdin is not None and not actor.stdin.closed and actor.stdin.fileno() == fd:
                try:
                    sent = os.write(fd, actor.to_read[:_CHUNK]) if actor.to_read else 0
                    actor.to_read = actor.to_read[sent:]
                except BlockingIOError:
                    return
                except OSError:
                    self._unfollow(actor)  # it does not read any more
                    return
                if not actor.to_read:
                    self._selector.unregister(fd)
                    if actor is self._follower:
                        self._follow(actor)
                    elif self._input_over or not actor.follows:
                        actor.stdin.close()
                return

    def _follow(self, actor: Actor) -> None:
        """Let a program read what the play is given to read: the next part of it.

        It is asked for again when the program has read that, so that no more waits here.
        """
        self._follower = actor
        if self._input_over:
            assert actor.stdin is not None
            actor.stdin.close()
        elif 0 not in self._selector.get_map():
            try:
                self._selector.register(0, selectors.EVENT_READ)
            except (PermissionError, ValueError, OSError):
                self._pass_on()  # a file, which can be read at any time

    def _pass_on(self) -> None:
        try:
            data = os.read(0, _CHUNK)
        except OSError:
            data = b""
        if 0 in self._selector.get_map():
            self._selector.unregister(0)
        if not data:
            self._input_over = True
            for each in self._actors:
                if each.follows and each.stdin is not None and not each.to_read:
                    each.stdin.close()
            return
        actor = self._follower
        if actor is None or actor.stdin is None or actor.stdin.closed:
            return
        actor.to_read += data
        if actor.stdin.fileno() not in self._selector.get_map():
            self._selector.register(actor.stdin, selectors.EVENT_WRITE)

    def finish(self, actor: Actor) -> None:
        """Hear a program that has ended to the end."""
        self._unfollow(actor)
        self.until(lambda: not any(fd in self._open for fd in actor.voices), _ECHO, 0.02)
        for fd, voice in actor.voices.items():
            if fd == actor.error and actor.stopping:
                said = without_interrupts(actor.held)
                if said:
                    voice.say(said)
            voice.flush()

    def _unfollow(self, actor: Actor) -> None:
        if self._follower is actor:
            self._follower = None
            if 0 in self._selector.get_map():
                self._selector.unregister(0)
        if actor.stdin is not None and not actor.stdin.closed:
            if actor.stdin.fileno() in self._selector.get_map():
                self._selector.unregister(actor.stdin)
            actor.stdin.close()

    def settle(self, server: Actor) -> None:
        """Give a server the time to do what it has begun: to close, to say that it has."""
        quiet_since = time.monotonic()
        spent = -1
        looks = 0

        def settled() -> bool:
            nonlocal quiet_since, spent, looks
            if server.status is not None:
                return True
            now = time.monotonic()
            states = [listening.busy(pid) for pid in listening.session(server.pid)]
            computed = sum(ticks for _, ticks in states)
            if any(active for active, _ in states) or computed != spent:
                quiet_since = now
                looks = 0
            spent = computed
            looks += 1
            return looks >= _LOOKS and now - max(quiet_since, self._heard) > _QUIET

        self.until(settled, _SETTLES, 0.03)

    def stop(self, actor: Actor) -> bool:
        """Stop a program as Ctrl+C does; tell whether that was enough."""
        gentle = True
        if actor.status is None:
            actor.stopping = True
            for number, patience in (
                (signal.SIGINT, self._grace),
                # Python waits for its threads after the first; a second one ends that.
                (signal.SIGINT, self._grace / 2),
                (signal.SIGTERM, self._grace / 2),
                (signal.SIGKILL, 5.0),
            ):
                gentle = number == signal.SIGINT
                actor.signal(number)
                if self.until(lambda: actor.status is not None, patience, 0.02):
                    break
        self.finish(actor)
        return gentle

    def clear(self) -> None:
        """End whatever is left of a scene, at once."""
        for actor in self._actors:
            actor.signal(signal.SIGKILL)
        keeper.sweep()
        for actor in self._actors:
            for fd in (*actor.voices, actor.report):
                while fd in self._open and self._read(fd):
                    pass
                if self._open.pop(fd, None) is not None and fd in self._selector.get_map():
                    self._selector.unregister(fd)
            self._unfollow(actor)
            for voice in actor.voices.values():
                voice.flush()
            actor.close()
        self._actors.clear()
        self._errors.clear()

"""What hostile answers do, for test_hostile: inside a function, and as a whole file."""

import textwrap

RIGHT = "return 2 * x"
WELL = {"done"}
ILL = {"wrong"}
ANY = {"done", "wrong"}  # what it did harms nobody else; whether it is an answer all the same is left open


def right(text: str) -> tuple[str, set[str], str]:
    """Does this, then answers rightly, and is right: nothing of it harms anybody."""
    return f"{textwrap.dedent(text).strip()}\n{RIGHT}", WELL, ""


def either(text: str) -> tuple[str, set[str], str]:
    """Does this, then answers rightly."""
    return f"{textwrap.dedent(text).strip()}\n{RIGHT}", ANY, ""


def wrong(text: str, says: str) -> tuple[str, set[str], str]:
    """Does this, and gets a verdict with these words."""
    return f"{textwrap.dedent(text).strip()}\n{RIGHT}", ILL, says


STARTS_A_PROCESS = {
    "forks_and_both_go_on": either("os.fork()"),
    "forks_thrice": either("for _ in range(3): os.fork()"),
    "forks_and_waits": right("if not (pid := os.fork()): os._exit(0)\nos.waitpid(pid, 0)"),
    "forks_a_sleeper": right("if not os.fork(): time.sleep(1000)"),
    "forks_a_writer": either("if not os.fork():\n    for fd in range(3, 40): spill(fd, b'garbage')\n    os._exit(0)"),
    "daemonises_twice": right(
        """
        if not os.fork():
            os.setsid()
            if not os.fork():
                os.setsid() if os.getpgrp() != os.getpid() else None
                time.sleep(1000)
            os._exit(0)
        """
    ),
    "daemonises_deaf": right(
        """
        if not os.fork():
            os.setsid()
            for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN) if number not in (32, 33) else None
            time.sleep(1000)
        """
    ),
    "leaves_a_process": right("multiprocessing.Process(target=time.sleep, args=(1000,)).start()"),
    "leaves_a_pool": either("kept.append(multiprocessing.Pool(2))"),
    "leaves_a_manager": right("kept.append(multiprocessing.Manager())"),
    "leaves_a_program": right("subprocess.Popen(['sleep', '1000'])"),
    "leaves_a_session": right("subprocess.Popen(['sleep', '1000'], start_new_session=True)"),
    "orders_a_shell": right("os.system('sleep 1000 &')"),
}
DESCRIPTORS = {
    "closes_everything": wrong("os.closerange(0, 100)", "closed the pipe"),
    "garbles_everything": wrong("for fd in range(3, 40): spill(fd, b'garbage\\n')", "wrote into the pipe"),
    "half_a_line": wrong("for fd in range(3, 40): spill(fd, b'{\"event\": ')", "wrote into the pipe"),
    "writes_without_end": wrong("while True: os.write(2, b'x' * 100_000)", "without end"),
    "closes_the_log": either("os.close(1); os.close(2)"),
}
ENDS = {
    "exits_at_exit": right("atexit.register(os._exit, 3)"),
    "loops_at_exit": right("atexit.register(lambda: [None for _ in iter(int, 1)])"),
    "exits_in_a_thread": wrong(
        "threading.Thread(target=os._exit, args=(3,)).start()\ntime.sleep(1)", "ended the whole process"
    ),
    "exits_softly_in_a_thread": right("t = threading.Thread(target=sys.exit); t.start(); t.join()"),
    "raises_in_a_thread": right("t = threading.Thread(target=int, args=('a',)); t.start(); t.join()"),
    "raises_in_del": right("Raises()"),
    "exits_in_del": wrong("kept.append(Exits()); kept.clear()", "ended the whole process"),
    "execs": wrong("os.execv('/bin/true', ['true'])", ""),
}
SIGNALS = {
    "alarm": wrong("os.kill(os.getpid(), signal.SIGALRM); time.sleep(1)", "SIGALRM"),
    "real_time": wrong("os.kill(os.getpid(), 40); time.sleep(1)", "signal 40"),
    "profiles": wrong("os.kill(os.getpid(), signal.SIGPROF); time.sleep(1)", ""),
    "interrupts_itself": wrong("os.kill(os.getpid(), signal.SIGINT); time.sleep(1)", "KeyboardInterrupt"),
    "hangs_up_on_all": wrong("os.killpg(0, signal.SIGHUP); time.sleep(1)", "SIGHUP"),
    "stops_itself": wrong("os.kill(os.getpid(), signal.SIGSTOP)", "stopped its own process"),
    "sets_an_alarm": right("signal.setitimer(signal.ITIMER_REAL, 0.3)"),
    "ignores_the_clock": right("signal.signal(signal.SIGPROF, signal.SIG_IGN)"),
    "handles_all": right("for s in (1, 2, 15, 11): signal.signal(s, lambda *_: os._exit(4))"),
    "blocks_all": right("signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())"),
}
HANGS = {
    "loops_after_those": wrong("while True: pass", "more than 1 seconds"),
    "loops_in_c": wrong("sum(itertools.repeat(0))", "more than 1 seconds"),
    "loops_blindly": wrong(
        "while True:\n    try: loops_blindly(x)\n    except BaseException: pass", "more than 1 seconds"
    ),
    "loops_without_faulthandler": wrong("faulthandler.disable()\nwhile True: pass", "more than 1 seconds"),
    "waits_for_a_lock": wrong("lock = threading.Lock(); lock.acquire(); lock.acquire()", "more than 1 seconds"),
    "loops_deafly": wrong("signal.setitimer(signal.ITIMER_PROF, 0)\nwhile True: pass", "more than 1 seconds"),
    "loops_in_repr": wrong("return Endless()", ""),
}
PYTHON = {
    "traces": right("sys.settrace(lambda *_: None)"),
    "profiles_calls": right("sys.setprofile(lambda *_: None)"),
    "empties_modules": either("sys.modules.clear()"),
    "stops_collecting": right("gc.disable()"),
    "turns_faulthandler_off": right("faulthandler.disable()"),
    "loops_in_the_background": either(  # which of the others it slows down depends on the machine
        "threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()"
    ),
    "switches_seldom": either("sys.setswitchinterval(60)"),
    "empties_builtins": either("import builtins; del builtins.sorted"),
    # Who called it is the course's own watcher, so what fails then is the course's code.
    "shadows_the_test": ("sys._getframe(1).f_globals.clear()\nreturn 2 * x", {"done", "wrong", "fault"}, ""),
    "warns_hard": right("import warnings; warnings.simplefilter('error')"),
}
INSIDE = STARTS_A_PROCESS | DESCRIPTORS | ENDS | SIGNALS | HANGS | PYTHON

HEAD = """import atexit, faulthandler, gc, itertools, multiprocessing, os, signal, subprocess, sys, threading, time
import torch

kept = []


def spill(fd, text):
    try:
        os.write(fd, text)
    except OSError:
        pass


class Raises:
    def __del__(self):
        raise ValueError("on the way out")


class Exits:
    def __del__(self):
        os._exit(5)


class Endless:
    def __repr__(self):
        while True: pass
"""

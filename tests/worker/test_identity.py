"""Telling a dead worker from a living one."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil

from worker.identity import WorkerId, known_dead, of_earlier_boot, this_worker


def test_this_process_is_alive() -> None:
    assert not known_dead(this_worker())
    assert WorkerId.parse(this_worker()) == WorkerId.of_process(os.getpid())


def test_a_process_that_ended_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = str(WorkerId.of_process(child.pid))
        assert not known_dead(name)
    assert known_dead(name)


def test_a_process_that_ended_is_dead_before_its_parent_asks_for_it() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = str(WorkerId.of_process(child.pid))
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        assert known_dead(name)


def test_a_process_id_that_was_given_out_again_is_another_worker() -> None:
    assert replace(WorkerId.of_process(os.getpid()), started="1.00").is_known_dead()


def test_nothing_is_known_of_other_hosts_and_of_other_texts() -> None:
    elsewhere = replace(WorkerId.of_process(os.getpid()), pid_namespace="elsewhere", pid=1, started="1.00")
    assert not elsewhere.is_known_dead()
    for text in ("", "worker", "a/b/c/d", "a/b/1"):
        assert not known_dead(text)


def test_who_ran_before_this_host_was_booted_is_known_by_the_boot_alone() -> None:
    here = WorkerId.of_process(os.getpid())
    boot, _, namespace = here.pid_namespace.rpartition("-")
    earlier = replace(here, pid_namespace=f"00000000-1111-2222-3333-444444444444-{namespace}")
    assert of_earlier_boot(str(earlier))
    for other in (here, replace(here, pid_namespace=f"{boot}-1"), replace(earlier, host="elsewhere")):
        assert not of_earlier_boot(str(other))
    assert not of_earlier_boot("worker")


def test_a_name_holds_no_time_of_day() -> None:
    """Or a living worker would be taken for dead when the host's clock is set."""
    started = int(WorkerId.of_process(os.getpid()).started)
    running = time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")
    assert 0 <= running < 24 * 3600

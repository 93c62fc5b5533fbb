"""Of what a program printed, what matters is shown."""

from __future__ import annotations

from types import ModuleType

from whodunet.view.models.screen import LeftOut, screen_of


def test_what_programs_always_say_is_left_out(case: ModuleType) -> None:
    said = "Pseudo-terminal will not be allocated because stdin is not a terminal.\r\n" + case.REFUSED

    assert screen_of(case.observation(stderr=said)).printed == (case.REFUSED.strip(),)


def test_of_verbose_output_the_steps_of_the_connection_and_what_is_claimed_stay(case: ModuleType) -> None:
    noise = [f"debug1: identity file /{n}" for n in range(9)]
    steps = ["debug1: Connecting to 10.0.1.10 [10.0.1.10] port 22.", "debug3: told by the scenario"]

    screen = screen_of(case.observation(stderr="\n".join([*noise, *steps])), ["told by"])

    assert screen.printed == (LeftOut(9, is_middle=False), *steps)


def test_what_is_said_again_at_once_is_shown_once(case: ModuleType) -> None:
    assert screen_of(case.observation(stderr=case.REFUSED * 5)).printed == (case.REFUSED.strip(),)


def test_curls_progress_meter_is_no_message(case: ModuleType) -> None:
    meter = "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"

    later = "100    41    0    41    0     0     40      0 --:--:--  0:00:01 --:--:--    40"
    said = f"{meter}*   Trying 10.0.1.10:22...\n{meter}\n{later}* Time-out\n"

    assert screen_of(case.observation(stderr=said)).printed == ("*   Trying 10.0.1.10:22...", "* Time-out")


def test_of_a_line_that_is_written_over_its_last_state_is_shown(case: ModuleType) -> None:
    said = "fetching   1%\rfetching 100%\rdone\r\n\tand\tmore\n"

    assert screen_of(case.observation(stderr=said)).printed == ("donehing 100%", "        and     more")


def test_of_a_flood_the_middle_is_left_out(case: ModuleType) -> None:
    lines = [f"line {n}" for n in range(50)]

    printed = screen_of(case.observation(stderr="\n".join(lines))).printed

    assert printed == (*lines[:5], LeftOut(40, is_middle=True), *lines[-5:])


def test_why_it_could_not_be_measured_is_kept(case: ModuleType) -> None:
    screen = screen_of(case.observation(stderr="", failure="no such host"))

    assert (screen.host, screen.printed, screen.failure) == ("client", (), "no such host")

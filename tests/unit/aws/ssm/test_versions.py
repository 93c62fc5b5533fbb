from __future__ import annotations

import pytest

from whodunet.aws.ssm import versions


@pytest.mark.parametrize(
    ("agent", "client", "mux"),
    [
        ("3.0.196.0", "1.2.677.0", False),
        ("3.0.197.0", "1.2.677.0", True),
        ("3.3.0.0", "1.1.69.9", False),
        ("3.3.0.0", "1.1.70.0", True),
        ("3.3.0.0", "1.1.70", True),
        ("10.0", "1.10.0", True),
        ("", "1.2.677.0", False),
        ("3.x.1", "1.2.677.0", False),
    ],
)
def test_a_forward_is_multiplexed_if_both_are_new_enough(agent: str, client: str, mux: bool) -> None:
    assert versions.multiplexes(agent, client) is mux


def test_the_last_versions_with_keepalive_still_have_it() -> None:
    assert versions.client_keeps_alive("3.1.1511.0")
    assert not versions.client_keeps_alive("3.1.1512.0")
    assert versions.agent_keeps_alive("1.2.331.0")
    assert not versions.agent_keeps_alive("1.2.332.0")


def test_agents_up_to_2_3_722_do_not_end_a_session_at_the_client_s_word() -> None:
    assert not versions.heeds_terminate_flag("2.3.722.0")
    assert versions.heeds_terminate_flag("2.3.723.0")


def test_a_version_of_a_million_digits_is_read_at_once() -> None:
    assert versions.multiplexes("9" * 1_000_000, "1.2.677.0")

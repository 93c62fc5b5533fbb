"""The task of Inspect, solved by its mock model in real labs. Needs the extra `inspect`, and what a lab needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage, get_model

from whodunet.agents.inspect_task import who_did_it

pytestmark = [  # of Inspect 0.3's own code
    pytest.mark.filterwarnings("ignore:The 'initial' parameter is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <function MemoryObject"),
]

TRUTH = ("egress-fw", "vpn-egress-reset", "and the instance never heard of it", "Do not open port")
RIGHT = {"parties": ["first hop"], "causes": ["egress-reset"], "confidence": "high"}

Step = tuple[str, dict[str, Any]] | Callable[[Sequence[ChatMessage]], tuple[str, dict[str, Any]]]


def evaluated(scenario: str, steps: Sequence[Step], folder: Path) -> EvalLog:
    """The log of a task of one scenario, in which the model calls these tools and then has nothing more to say."""

    def outputs(messages: list[ChatMessage], *_: object) -> ModelOutput:
        number = sum(message.role == "assistant" for message in messages)
        if number < len(steps):
            step = steps[number]
            output = ModelOutput.for_tool_call("mockllm/model", *(step(messages) if callable(step) else step))
        else:
            output = ModelOutput.from_content("mockllm/model", "done")
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    [log] = evaluate(who_did_it(scenarios=scenario), model=model, display="none", log_dir=str(folder))
    assert log.status == "success", log.error
    return log


def only_sample(log: EvalLog) -> EvalSample:
    assert log.samples is not None
    [sample] = log.samples
    assert sample.error is None
    return sample


def citing_a_reset(messages: Sequence[ChatMessage]) -> tuple[str, dict[str, Any]]:
    """Submits the right verdict with the first RST that the last message tells of."""
    packets = json.loads(messages[-1].text)
    rst = next(each for each in packets if each["tcp"] and "R" in each["tcp"]["flags"])
    return "submit", {"verdict": json.dumps(RIGHT | {"evidence": [{"packets": [rst]}]})}


def test_a_model_that_investigates_and_is_right_has_full_points_and_its_proof_holds(tmp_path: Path) -> None:
    steps: list[Step] = [("run", {"command": "nc -v -z -w 3 10.0.1.10 22"}), ("packets", {}), citing_a_reset]

    sample = only_sample(evaluated("vpn-egress-reset", steps, tmp_path))

    assert sample.scores is not None
    score = sample.scores["graded"]
    assert score.value == 1
    assert score.metadata is not None
    assert score.metadata["proof"] == {"cited": 1, "found": 1, "telling": 1}
    assert any("Connection refused" in message.text for message in sample.messages)


def test_the_model_is_told_nothing_of_the_truth(tmp_path: Path) -> None:
    steps: list[Step] = [("run", {"command": "cat /etc/hostname; ls / /root /mnt"}), ("packets", {}), ("causes", {})]
    steps.append(("submit", {"verdict": json.dumps(RIGHT)}))

    sample = only_sample(evaluated("vpn-egress-reset", steps, tmp_path))

    told = "".join(message.text for message in sample.messages)
    assert [word for word in TRUTH if word in told] == []


@pytest.mark.parametrize(
    ("verdict", "points"),
    [
        (RIGHT, -1),
        (RIGHT | {"confidence": "low"}, -0.25),
        ({"parties": [], "confidence": "low"}, 0.25),
        ({"parties": ["destination", "first hop"], "confidence": "low"}, 0.5),
    ],
)
def test_saying_what_one_believes_pays_best(verdict: dict[str, object], points: float, tmp_path: Path) -> None:
    sample = only_sample(evaluated("sshd-down", [("submit", {"verdict": json.dumps(verdict)})], tmp_path))
    assert sample.scores is not None
    assert sample.scores["graded"].value == points


def test_what_makes_no_sense_is_refused_and_may_be_said_again(tmp_path: Path) -> None:
    steps: list[Step] = [("submit", {"verdict": "it is the moon"}), ("submit", {"verdict": json.dumps(RIGHT)})]
    sample = only_sample(evaluated("vpn-egress-reset", steps, tmp_path))
    assert any("the verdict makes no sense" in str(getattr(message, "error", "")) for message in sample.messages)
    assert sample.scores is not None
    assert sample.scores["graded"].value == 1

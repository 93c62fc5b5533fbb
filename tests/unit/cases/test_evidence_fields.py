"""What claims about packets can say is what lies in the folder, and no key says nothing by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from whodunet.cases import evidence_fields
from whodunet.cases.evidence_fields import claim_model, own

FOLDER = Path(evidence_fields.__file__).parent


def test_every_file_of_the_folder_is_a_field_of_its_name() -> None:
    assert set(own()) == {path.stem for path in FOLDER.glob("[!_]*.py")}


def test_a_claim_can_say_what_the_fields_say_and_nothing_else() -> None:
    model = claim_model({key: field for key, field in own().items() if key != "ttl"})

    assert list(model.model_fields) == ["probe", "packet", "sender", *(key for key in own() if key != "ttl")]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model.model_validate_json('{"probe": "ssh", "packet": "SYN", "ttl": {"client-eth0": 64}}')


@pytest.mark.parametrize("key", own())
def test_a_key_without_a_value_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        claim_model(own()).model_validate_json(f'{{"probe": "ssh", "packet": "SYN", "{key}": null}}')


def test_the_same_fields_make_the_same_type() -> None:
    assert claim_model(own()) is claim_model(dict(own()))

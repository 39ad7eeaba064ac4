"""The shipped contract is the one that is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.uplink import contract
from agent.uplink.contract import CHANNELS, channel_of
from agent.uplink.feed import Topic, Topics

ROOT = Path(__file__).parents[2]
TOPICS = Topics("quito-07")


def test_the_document_is_written_from_the_models() -> None:
    shipped = (ROOT / "docs" / "feed.asyncapi.yaml").read_text()
    assert shipped == contract.text(), "python -m agent.uplink.contract > docs/feed.asyncapi.yaml"


@pytest.mark.parametrize(
    "topic",
    [
        *map(TOPICS.events, Topic),
        TOPICS.status("fibre"),
        TOPICS.heartbeat("fibre"),
        TOPICS.device("board"),
        TOPICS.checkpoint,
        TOPICS.repeat_request,
    ],
)
def test_every_topic_is_in_the_contract_once(topic: str) -> None:
    assert [channel.name for channel in CHANNELS if channel.matches(topic)]
    assert len([channel for channel in CHANNELS if channel.matches(topic)]) == 1


@pytest.mark.parametrize("topic", ["armoury/v1/s", "armoury/v1/s/status/a/b", "armoury/v2/s/x"])
def test_other_topics_are_not(topic: str) -> None:
    assert channel_of(topic) is None


def test_the_manual_names_every_topic() -> None:
    manual = (ROOT / "docs" / "feed.md").read_text()
    for channel in CHANNELS:
        below = channel.address.removeprefix("armoury/v1/{site}/")
        row = (
            f"| `{below.replace('{', '<').replace('}', '>')}` | {'yes' if channel.retained else ''}"
        )
        assert row in manual, row

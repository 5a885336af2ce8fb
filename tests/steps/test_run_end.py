"""What the end of a run looks at: the end of its history, unless more than that has changed."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage

from tests.steps.journaled import Journaled, history
from toolpair_observe.steps import at_end
from toolpair_observe.steps.at_end import traced_at_end
from toolpair_observe.steps.blamed import BlameChange
from toolpair_observe.steps.last_runs import MOST_MESSAGES, last_state


class Read(list[Any]):
    """A history that counts how many of its messages are read."""

    count = 0

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        self.count += len(found) if isinstance(place, slice) else 1
        return found

    def __iter__(self) -> Any:
        for each in super().__iter__():
            self.count += 1
            yield each


def ended(state: list[Any], returned: Any) -> Journaled:
    """Return a run whose last step began with a state, and what it returned in the end."""
    run = Journaled().start({"messages": state[-1:]})
    run.step("model", {"messages": state}, {"messages": [AIMessage("Fine.", id="last")]})
    run.root.returned = returned
    return run


def test_of_a_long_history_that_only_grew_no_more_than_its_end_is_read():
    state = Read([*history(2_500), HumanMessage("And now?", id="asked")])
    returned = Read([*list.__iter__(state), AIMessage("Fine.", id="last")])
    run = ended(state, returned)
    state.count = returned.count = 0

    assert traced_at_end(run.root) == ()
    before, end = last_state(run.root, run.run_id)

    assert (before, len(end)) == (len(returned) - MOST_MESSAGES, MOST_MESSAGES)
    assert state.count + returned.count < 4 * (at_end.MOST_CHECKED + MOST_MESSAGES)


@pytest.mark.parametrize("place", [1, 4_997])
def test_whatever_a_last_step_takes_away_is_traced(place: int):
    state = [*history(1_250), HumanMessage("And now?", id="asked")]
    returned = [each for number, each in enumerate(state) if number != place]
    run = Journaled().start({"messages": state[-1:]})
    run.step("tidy", {"messages": state}, {"messages": [RemoveMessage(id=state[place].id)]})
    run.root.returned = returned

    (traced,) = traced_at_end(run.root)

    assert (traced.found.step, traced.found.difference.change) == ("tidy", BlameChange.REMOVED)
    assert traced.found.difference.removed == (place,)

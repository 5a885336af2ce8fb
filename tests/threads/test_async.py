"""Asynchronous checkpointers: the same diagnosis and the same mend, awaited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tests.threads.programs import PROGRAMS
from tests.threads.programs.beds import copy_thread
from tests.threads.programs.record import says
from toolpair_observe import adiagnose_threads, amend_thread, diagnose_threads
from toolpair_observe.errors import MendError
from toolpair_observe.threads.diagnosis import ThreadVerdict

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

    from tests.threads.programs.threads import Threads

pytest.importorskip("aiosqlite")


class OnlyAsync(InMemorySaver):
    """A checkpointer of somebody's own, with asynchronous methods only."""

    def get_tuple(self, config):
        raise NotImplementedError

    def list(self, config, **options):
        raise NotImplementedError

    def put(self, *given):
        raise NotImplementedError

    def put_writes(self, *given):
        raise NotImplementedError

    async def aget_tuple(self, config):
        await asyncio.sleep(0)
        return InMemorySaver.get_tuple(self, config)

    async def alist(self, config, **options):
        for each in InMemorySaver.list(self, config, **options):
            await asyncio.sleep(0)
            yield each

    async def aput(self, *given):
        return InMemorySaver.put(self, *given)

    async def aput_writes(self, *given):
        return InMemorySaver.put_writes(self, *given)


@pytest.fixture
def stalled():
    """A program whose thread is stalled, with a real result that comes back."""
    return PROGRAMS["one_of_two_tools_raises"]


async def verdicts(saver, **options):
    return {d.thread_id: d.verdict async for d in adiagnose_threads(saver, idle=0, **options)}


async def test_a_sqlite_saver_of_asynchronous_methods(sqlite_threads: Threads, stalled, tmp_path):
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    with sqlite_threads.copied(stalled) as copy:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            memory = InMemorySaver()
            copy_thread(copy.saver, memory, copy.thread_id)
            await _store(saver, memory)
            graph = stalled.graph(saver, copy.world)
            config: RunnableConfig = {"configurable": {"thread_id": copy.thread_id}}

            assert await verdicts(saver) == {copy.thread_id: ThreadVerdict.STALLED}
            plan = await amend_thread(graph, config, idle=0)
            before = (await graph.aget_state(config)).next
            with pytest.raises(MendError, match="aapply"):
                plan.apply()
            await plan.aapply()

            assert await verdicts(saver) == {copy.thread_id: ThreadVerdict.SOUND}
            assert {each.tool_call_id for each in plan.found} == set(stalled.recoverable)
            await plan.arollback()
            assert await verdicts(saver) == {copy.thread_id: ThreadVerdict.STALLED}
            assert (await graph.aget_state(config)).next == before


async def test_a_saver_that_has_asynchronous_methods_only(sqlite_threads: Threads, stalled):
    with sqlite_threads.copied(stalled) as copy:
        memory = InMemorySaver()
        copy_thread(copy.saver, memory, copy.thread_id)
        saver = OnlyAsync()
        await _store(saver, memory)
        graph = stalled.graph(saver, copy.world)

        plan = await amend_thread(graph, copy.config, idle=0, apply=True)
        assert plan.new_checkpoint_id
        assert await verdicts(saver) == {copy.thread_id: ThreadVerdict.SOUND}
        await graph.ainvoke(says("And now?"), copy.config)
        await copy.world.aclose()
        assert not copy.world.conversation.refusals


async def test_the_event_loop_goes_on_meanwhile(sqlite_threads: Threads, stalled):
    with sqlite_threads.copied(stalled) as copy:
        memory = OnlyAsync()
        inner = InMemorySaver()
        copy_thread(copy.saver, inner, copy.thread_id)
        await _store(memory, inner)
        seen: list[ThreadVerdict] = []

        async def ticks() -> int:
            count = 0
            while not seen:
                count += 1
                await asyncio.sleep(0)
            return count

        ticking = asyncio.create_task(ticks())
        seen += [found.verdict async for found in adiagnose_threads(memory, idle=0)]
        assert await ticking > 1
        assert seen == [d.verdict for d in diagnose_threads(inner, idle=0)]


async def _store(saver, memory: InMemorySaver) -> None:
    """Store in an asynchronous saver what another one has."""
    for saved in reversed([*memory.list(None)]):
        parent = (saved.parent_config or {}).get("configurable", {}).get("checkpoint_id")
        where = {**saved.config["configurable"], "checkpoint_id": parent}
        versions = saved.checkpoint["channel_versions"]
        await saver.aput({"configurable": where}, saved.checkpoint, saved.metadata, versions)
        writes: dict[str, list] = {}
        for task_id, channel, value in saved.pending_writes or ():
            writes.setdefault(task_id, []).append((channel, value))
        for task_id, written in writes.items():
            await saver.aput_writes(saved.config, written, task_id)

"""What threads say reaches the loop: all of it, in each one's order, on the loop's thread."""

from __future__ import annotations

import asyncio
import threading

from agent.runtime.mailbox import Mailbox

WORDS = 500


async def test_every_word_of_every_thread_is_heard_in_its_order() -> None:
    heard: dict[str, list[int]] = {"a": [], "b": []}
    everything = asyncio.Event()
    loops = threading.get_ident()

    def take(word: tuple[str, int]) -> None:
        assert threading.get_ident() == loops
        heard[word[0]].append(word[1])
        if sum(map(len, heard.values())) == 2 * WORDS:
            everything.set()

    tell = Mailbox(asyncio.get_running_loop()).to(take)

    def say(name: str) -> None:
        for number in range(WORDS):
            tell((name, number))

    threads = [threading.Thread(target=say, args=(name,)) for name in heard]
    for thread in threads:
        thread.start()
    await asyncio.wait_for(everything.wait(), 60)
    for thread in threads:
        thread.join()
    assert heard == {"a": list(range(WORDS)), "b": list(range(WORDS))}


async def test_what_is_said_on_the_loop_waits_its_turn() -> None:
    heard: list[str] = []
    done = asyncio.Event()
    mailbox = Mailbox(asyncio.get_running_loop())
    one, other = mailbox.to(heard.append), mailbox.to(lambda _: done.set())
    one("first")
    one("second")
    other("last")
    assert not heard
    await asyncio.wait_for(done.wait(), 60)
    assert heard == ["first", "second"]


async def test_a_word_that_fails_is_the_loop_s_to_handle_and_the_next_are_heard() -> None:
    heard: list[int] = []
    loop = asyncio.get_running_loop()
    failures: list[BaseException | None] = []
    loop.set_exception_handler(lambda _, context: failures.append(context.get("exception")))
    done = asyncio.Event()

    def take(number: int) -> None:
        if number == 0:
            raise ZeroDivisionError
        heard.append(number)
        done.set()

    tell = Mailbox(loop).to(take)
    tell(0)
    tell(1)
    await asyncio.wait_for(done.wait(), 60)
    assert heard == [1]
    assert [type(failure) for failure in failures] == [ZeroDivisionError]

#!/usr/bin/env python3
"""Compares what a turn of three tool calls costs beside the model: ours against LangGraph, the OpenAI Agents SDK and
pydantic-ai, side by side.

The model is instant and the same in all: a function in the process that asks for three tool calls and then says a text
(ours, planned by `route`, is asked once and answered in text). The tools search four homes: Python's a list, ours
SQLite and a full-text index, with evidence for every item and, in the second of ours, each turn written to the disk
before it is told. No tracing, no checkpoints, no network. Measured is the CPU time of the process (user and system, all
threads) for many turns, each a conversation of its own, read from outside in the same way for all; they take turns.

    cargo build --release --workspace --example turn_overhead
    python3 evals/peers/overhead.py target/release/examples/turn_overhead [--rounds 9] [--turns 100]

Prints milliseconds of CPU a turn (median, lowest and highest round) and writes `evals/peers/results/overhead.json`.
Exit code 3 if the median of ours is above the bar. Linux only: it reads other processes' CPU clocks.
"""
import argparse, asyncio, json, os, platform, statistics, subprocess, sys, tempfile, time, venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["langgraph==1.2.24", "langchain-core==1.8.3", "openai-agents==0.24.0", "pydantic-ai-slim==2.68.0"]
BAR = 1.2  # milliseconds a turn
REQUEST = "homes in Utrecht with an orchard, cheapest first"
ANSWER = "The Old Mill, a house in Utrecht with an orchard."
# What the instant model asks for: id, tool, arguments.
CALLS = [("a", "keep", {"city": "Utrecht"}), ("b", "search", {"words": "orchard"}), ("c", "order", {"field": "price"})]
HOMES = [
    {"id": "h1", "title": "Canal View", "city": "Amsterdam", "price": 450000, "text": "bright rooms above the water"},
    {"id": "h2", "title": "The Old Mill", "city": "Utrecht", "price": 720000, "text": "a mill with a garden and an orchard"},
    {"id": "h3", "title": "Rue des Lilas 7", "city": "Paris", "price": 890000, "text": "a quiet garden behind the house"},
    {"id": "h4", "title": "Studio", "city": "Lyon", "price": 240000, "text": "small"},
]


# The tools, the same for every peer. Each wraps them as its documentation shows.

async def keep(city: str) -> str:
    """Keeps the homes in a city."""
    return json.dumps([h["id"] for h in HOMES if h["city"] == city])


async def search(words: str) -> str:
    """Finds homes by words."""
    return json.dumps([h["id"] for h in HOMES if words in h["text"]])


async def order(field: str) -> str:
    """Orders the homes by a field."""
    return json.dumps([h["id"] for h in sorted(HOMES, key=lambda h: h[field])])


def langgraph():
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, ToolMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_core.tools import tool
    from langgraph.prebuilt import create_react_agent

    class Instant(BaseChatModel):
        @property
        def _llm_type(self):
            return "instant"

        def bind_tools(self, tools, **_):
            return self

        def _generate(self, messages, stop=None, run_manager=None, **_):
            if isinstance(messages[-1], ToolMessage):
                message = AIMessage(content=ANSWER)
            else:
                message = AIMessage(content="", tool_calls=[{"id": i, "name": n, "args": a} for i, n, a in CALLS])
            return ChatResult(generations=[ChatGeneration(message=message)])

        async def _agenerate(self, messages, stop=None, run_manager=None, **_):
            return self._generate(messages)

    agent = create_react_agent(Instant(), [tool(keep), tool(search), tool(order)])

    async def turn():
        result = await agent.ainvoke({"messages": [("user", REQUEST)]})
        kinds = [type(m).__name__ for m in result["messages"]]
        assert kinds == ["HumanMessage", "AIMessage"] + ["ToolMessage"] * 3 + ["AIMessage"], kinds
        return result["messages"][-1].content
    return turn


def openai_agents():
    from agents import Agent, Model, ModelResponse, Runner, Usage, function_tool, set_tracing_disabled
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
    set_tracing_disabled(True)

    class Instant(Model):
        async def get_response(self, system_instructions, input, *args, **kwargs):
            answered = isinstance(input, list) and input[-1].get("type") == "function_call_output"
            if answered:
                text = ResponseOutputText(type="output_text", text=ANSWER, annotations=[])
                output = [ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])]
            else:
                output = [ResponseFunctionToolCall(type="function_call", call_id=i, name=n, arguments=json.dumps(a))
                          for i, n, a in CALLS]
            return ModelResponse(output=output, usage=Usage(), response_id=None)

        def stream_response(self, *args, **kwargs):
            raise NotImplementedError

    agent = Agent(name="homes", instructions="Find homes.", model=Instant(),
                  tools=[function_tool(keep), function_tool(search), function_tool(order)])

    async def turn():
        result = await Runner.run(agent, REQUEST)
        assert len(result.new_items) == 7, result.new_items
        return result.final_output
    return turn


def pydantic_ai():
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
    from pydantic_ai.models.function import FunctionModel

    def instant(messages, info):
        if isinstance(messages[-1].parts[-1], ToolReturnPart):
            return ModelResponse(parts=[TextPart(ANSWER)])
        return ModelResponse(parts=[ToolCallPart(n, a, tool_call_id=i) for i, n, a in CALLS])

    agent = Agent(FunctionModel(instant), tools=[keep, search, order])

    async def turn():
        result = await agent.run(REQUEST)
        assert len(result.all_messages()) == 4, result.all_messages()
        return result.output
    return turn


PEERS = {"langgraph": langgraph, "openai-agents": openai_agents, "pydantic-ai": pydantic_ai}


def serve(name: str):
    """Takes a number a line, does so many turns, and says so."""
    turn = PEERS[name]()

    async def many(count):
        for _ in range(count):
            assert await turn() == ANSWER

    with asyncio.Runner() as runner:
        print("ready", flush=True)
        for line in sys.stdin:
            runner.run(many(int(line)))
            print("done", flush=True)


class Contestant:
    def __init__(self, name: str, command: list):
        quiet = {"OPENAI_API_KEY": "none", "OPENAI_AGENTS_DISABLE_TRACING": "1", "LANGSMITH_TRACING": "false"}
        self.name, self.ms = name, []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **quiet})
        self.expect("ready")

    def expect(self, word: str):
        line = self.process.stdout.readline().strip()
        if line != word:
            raise SystemExit(f"{self.name} said {line!r} instead of {word!r}")

    def cpu(self) -> float:
        # CLOCK_PROCESS_CPUTIME_ID of another process: clock_getcpuclockid(3).
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def run(self, turns: int) -> float:
        before = self.cpu()
        self.process.stdin.write(f"{turns}\n"); self.process.stdin.flush()
        self.expect("done")
        return (self.cpu() - before) / turns * 1000

    def report(self) -> dict:
        return {"name": self.name, "ms": {"median": round(statistics.median(self.ms), 3),
                "low": round(min(self.ms), 3), "high": round(max(self.ms), 3)}, "rounds": len(self.ms)}


def python(folder: Path) -> Path:
    """A Python of its own with the peers."""
    venv.create(folder, with_pip=True)
    binary = folder / "bin/python"
    subprocess.run([binary, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
    return binary


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--turns", type=int, default=100, help="turns a round; ours does ten times as many")
    parser.add_argument("--python", type=Path, help="a Python that has the peers; without it one is made for the run")
    parser.add_argument("--serve", choices=PEERS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    if not options.ours:
        parser.error("the path of our example is missing")
    with tempfile.TemporaryDirectory() as name:
        binary = options.python or python(Path(name))
        ours = [Contestant("segue", [options.ours]), Contestant("segue, every turn on the disk", [options.ours, "--store"])]
        peers = [Contestant(peer, [binary, __file__, "--serve", peer]) for peer in PEERS]
        every = ours + peers
        for contestant in every:
            contestant.run(50)
        for number in range(options.rounds):
            for contestant in every[number % len(every):] + every[:number % len(every)]:
                contestant.ms.append(contestant.run(options.turns * (10 if contestant in ours else 1)))
        for contestant in every:
            contestant.process.stdin.close(); contestant.process.wait()
    results = [contestant.report() for contestant in every]
    for result in results:
        print(json.dumps(result), flush=True)
    report = {"what": "milliseconds of CPU a turn of three tool calls, the model instant", "bar": BAR, "peers": PACKAGES,
              "turns_a_round": options.turns, "cores": os.cpu_count(),
              "machine": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
              "load_at_end": [round(x, 1) for x in os.getloadavg()], "results": results}
    target = ROOT / "evals/peers/results/overhead.json"
    target.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if all(r["ms"]["median"] <= BAR for r in results[:len(ours)]) else 3


if __name__ == "__main__":
    sys.exit(main())

import asyncio
import json
import sys

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from pydantic import BaseModel

base_url, ways = sys.argv[1:3]


class Answer(BaseModel):
    answer: int


@function_tool
def add(a: float, b: float) -> float:
    """Adds two numbers."""
    return a + b


async def streamed(agent, prompt):
    result = Runner.run_streamed(agent, prompt)
    async for _ in result.stream_events():
        pass
    return result.final_output


async def main():
    set_tracing_disabled(True)
    got = []
    for way in json.loads(ways):
        client = AsyncOpenAI(base_url=base_url, api_key="none", default_headers=way["headers"], max_retries=0)
        model = OpenAIChatCompletionsModel(model=way["model"], openai_client=client)
        plain = Agent(name="plain", model=model)
        structured = Agent(name="structured", model=model, output_type=Answer)
        got.append(
            {
                "plain": (await Runner.run(plain, "Say hello.")).final_output,
                "streamed": await streamed(plain, "Say hello."),
                "tools": await streamed(Agent(name="tools", model=model, tools=[add]), "Add 2 and 3."),
                "schema": (await Runner.run(structured, "What is 2 and 3?")).final_output.model_dump(),
            }
        )
    print("\n" + json.dumps(got))


asyncio.run(main())

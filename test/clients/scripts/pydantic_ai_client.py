import asyncio
import json
import sys

from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

base_url, ways = sys.argv[1:3]


class Answer(BaseModel):
    answer: int


def add(a: float, b: float) -> float:
    """Adds two numbers."""
    return a + b


async def streamed(agent, prompt):
    async with agent.run_stream(prompt) as result:
        return await result.get_output()


async def main():
    got = []
    for way in json.loads(ways):
        client = AsyncOpenAI(base_url=base_url, api_key="none", default_headers=way["headers"], max_retries=0)
        model = OpenAIChatModel(way["model"], provider=OpenAIProvider(openai_client=client))
        structured = Agent(model, output_type=NativeOutput(Answer))
        got.append(
            {
                "plain": (await Agent(model).run("Say hello.")).output,
                "streamed": await streamed(Agent(model), "Say hello."),
                "tools": await streamed(Agent(model, tools=[add]), "Add 2 and 3."),
                "schema": (await structured.run("What is 2 and 3?")).output.model_dump(),
            }
        )
    print("\n" + json.dumps(got))


asyncio.run(main())

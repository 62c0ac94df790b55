import json
import sys

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

base_url, ways = sys.argv[1:3]


class Answer(BaseModel):
    """The answer."""

    answer: int


def add(a: float, b: float) -> float:
    """Adds two numbers."""
    return a + b


def user(text):
    return [ChatMessage(role="user", content=text)]


def last(stream):
    for whole in stream:
        pass
    return whole


got = []
for way in json.loads(ways):
    llm = OpenAILike(
        model=way["model"],
        api_base=base_url,
        api_key="none",
        default_headers=way["headers"],
        is_chat_model=True,
        is_function_calling_model=True,
        max_retries=0,
    )
    tool = FunctionTool.from_defaults(fn=add)
    messages = user("Add 2 and 3.")
    while True:
        response = last(llm.stream_chat_with_tools([tool], chat_history=messages))
        messages.append(response.message)
        calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        if not calls:
            break
        for call in calls:
            result = str(tool(**call.tool_kwargs).raw_output)
            messages.append(ChatMessage(role="tool", content=result, additional_kwargs={"tool_call_id": call.tool_id}))
    got.append(
        {
            "plain": llm.chat(user("Say hello.")).message.content,
            "streamed": last(llm.stream_chat(user("Say hello."))).message.content,
            "tools": messages[-1].content,
            "schema": llm.as_structured_llm(Answer).chat(user("What is 2 and 3?")).raw.model_dump(),
        }
    )
print("\n" + json.dumps(got))

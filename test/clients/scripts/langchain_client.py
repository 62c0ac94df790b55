import json
import sys

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

base_url, ways = sys.argv[1:3]


class Answer(BaseModel):
    answer: int


def add(a: float, b: float) -> float:
    """Adds two numbers."""
    return a + b


def joined(chunks):
    whole = None
    for chunk in chunks:
        whole = chunk if whole is None else whole + chunk
    return whole


got = []
for way in json.loads(ways):
    chat = ChatOpenAI(
        model=way["model"], base_url=base_url, api_key="none", default_headers=way["headers"], max_retries=0
    )
    messages = [HumanMessage("Add 2 and 3.")]
    while True:
        message = joined(chat.bind_tools([add]).stream(messages))
        messages.append(message)
        if not message.tool_calls:
            break
        for call in message.tool_calls:
            messages.append(ToolMessage(str(add(**call["args"])), tool_call_id=call["id"]))
    structured = chat.with_structured_output(Answer, method="json_schema")
    got.append(
        {
            "plain": chat.invoke("Say hello.").content,
            "streamed": joined(chat.stream("Say hello.")).content,
            "tools": messages[-1].content,
            "schema": structured.invoke("What is 2 and 3?").model_dump(),
        }
    )
print("\n" + json.dumps(got))

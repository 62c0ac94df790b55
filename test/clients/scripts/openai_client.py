import json
import sys

from openai import OpenAI

base_url, ways = sys.argv[1:3]
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "number"}},
    "required": ["answer"],
    "additionalProperties": False,
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
    },
}


def tool_loop(client, model):
    messages = [{"role": "user", "content": "Add 2 and 3."}]
    while True:
        with client.chat.completions.stream(model=model, messages=messages, tools=[ADD]) as stream:
            message = stream.get_final_completion().choices[0].message
        messages.append(message.to_dict(exclude_none=True))
        if not message.tool_calls:
            return message.content
        for call in message.tool_calls:
            numbers = json.loads(call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": str(numbers["a"] + numbers["b"])})


got = []
for way in json.loads(ways):
    client = OpenAI(base_url=base_url, api_key="none", default_headers=way["headers"], max_retries=0)
    model = way["model"]
    hello = [{"role": "user", "content": "Say hello."}]
    answer = client.chat.completions.create(model=model, messages=hello)
    with client.chat.completions.stream(model=model, messages=hello) as stream:
        streamed = stream.get_final_completion().choices[0].message
    assert streamed.role == "assistant", streamed.role
    schema = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "What is 2 and 3?"}],
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}},
    )
    got.append(
        {
            "plain": answer.choices[0].message.content,
            "streamed": streamed.content,
            "tools": tool_loop(client, model),
            "schema": json.loads(schema.choices[0].message.content),
        }
    )
print("\n" + json.dumps(got))

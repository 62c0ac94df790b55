import json
import sys

import litellm

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


def user(text):
    return [{"role": "user", "content": text}]


got = []
for way in json.loads(ways):
    settings = {
        "model": f"openai/{way['model']}",
        "api_base": base_url,
        "api_key": "none",
        "extra_headers": way["headers"],
        "num_retries": 0,
    }

    def streamed(messages, **more):
        chunks = list(litellm.completion(**settings, messages=messages, stream=True, **more))
        return litellm.stream_chunk_builder(chunks, messages=messages).choices[0].message

    messages = user("Add 2 and 3.")
    while True:
        message = streamed(messages, tools=[ADD])
        messages.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            break
        for call in message.tool_calls:
            numbers = json.loads(call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": str(numbers["a"] + numbers["b"])})
    schema = litellm.completion(
        **settings,
        messages=user("What is 2 and 3?"),
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}},
    )
    got.append(
        {
            "plain": litellm.completion(**settings, messages=user("Say hello.")).choices[0].message.content,
            "streamed": streamed(user("Say hello.")).content,
            "tools": messages[-1]["content"],
            "schema": json.loads(schema.choices[0].message.content),
        }
    )
print("\n" + json.dumps(got))

"""What agents reach instead of a model's API: it lets through, pays, counts and records. docs/models.md has the rules.

    requests.py   what of an agent's request goes on
    prices.py     what a call can cost, and did
    purse.py      money and turns: what the database allows
    upstream.py   the real API, tried again as it asks for
    usage.py      tokens, from what it answers
    events.py     streams
    records.py    model_calls.jsonl
    exchange.py   one call, from beginning to end
    app.py        the HTTP service of one attempt

It runs outside the sandbox, in the worker. Everything that arrives from the agent is hostile.
"""

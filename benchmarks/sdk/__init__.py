"""What the SDK adds to an application's calls, beside what other instrumentations add: ``make bench-sdk``.

The parent (``__main__``, ``measure``, ``environments``) runs in the development environment. ``worker``, ``subjects``
and ``provider`` run in the environment of the instrumentation under test: they use the standard library, the openai
client and that instrumentation alone.
"""

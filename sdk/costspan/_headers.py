"""Attribution in the headers of the application's own requests and messages, without any OpenTelemetry set-up."""

from collections.abc import Mapping, MutableMapping

from costspan import _baggage, _context
from costspan._attribution import NOTHING

_HEADER = "baggage"


def inject(headers: MutableMapping[str, str]) -> None:
    """Put the attribution that holds here into the ``baggage`` of ``headers``, for a service that calls ``extract`` or
    has OpenTelemetry.

    What the header holds already stays. What does not fit into the size that W3C guarantees is left out, tags first.
    For services of your own: not for requests to a model provider or another third party. A feature that nobody has
    named does not travel. Raises TypeError if ``headers`` is no mutable mapping.
    """
    if not hasattr(headers, "items") or not hasattr(headers, "__setitem__"):
        raise TypeError(f"headers: {type(headers).__name__} cannot be written to; give a mutable mapping, such as a dict")
    said = _context.current()
    if said is NOTHING:
        return
    known = [(name, value) for name, value in headers.items() if _is_baggage(name) and isinstance(value, str)]
    header = _baggage.merged_header(",".join(value for _, value in known), said)
    if header:
        headers[known[0][0] if known else _HEADER] = header


def extract(headers: Mapping[str, str]) -> _context.AttributionScope:
    """A scope, as ``feature`` gives one, of what the ``baggage`` of ``headers`` says.

    A header that is absent, malformed or too long says nothing and raises nothing; the case of its name does not
    matter. Whoever can send the header can say what its calls are booked on: drop it where strangers come in.
    Raises TypeError if ``headers`` is no mapping.
    """
    if not hasattr(headers, "items"):
        raise TypeError(f"headers: {type(headers).__name__} cannot be read; give a mapping of names to values")
    values = [value for name, value in headers.items() if _is_baggage(name) and isinstance(value, str)]
    return _context.AttributionScope(_baggage.read_header(",".join(values)))


def _is_baggage(name: object) -> bool:
    return isinstance(name, str) and name.lower() == _HEADER

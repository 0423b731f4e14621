"""Where DNS says that a domain's address books are (RFC 6764): SRV and TXT."""

from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.rdatatype

_SERVICE = "_carddavs._tcp"  # the TLS one only
_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A host, a port, and the path that the TXT record names, if any."""

    host: str
    port: int
    path: str | None


async def find_services(domain: str, resolver: dns.asyncresolver.Resolver | None = None) -> tuple[Service, ...]:
    """The services of a domain, the preferred first; empty when DNS names none or does not answer."""
    try:
        asking = resolver or dns.asyncresolver.Resolver()
        answer = await asking.resolve(f"{_SERVICE}.{domain}.", dns.rdatatype.SRV, lifetime=_SECONDS)
        records = sorted(answer, key=lambda record: (record.priority, -record.weight))
    except (dns.exception.DNSException, OSError):
        return ()
    path = await _path(asking, domain)
    hosts = [(str(record.target).rstrip("."), int(record.port)) for record in records]
    return tuple(Service(host=host.lower(), port=port, path=path) for host, port in hosts if host)


async def _path(resolver: dns.asyncresolver.Resolver, domain: str) -> str | None:
    try:
        answer = await resolver.resolve(f"{_SERVICE}.{domain}.", dns.rdatatype.TXT, lifetime=_SECONDS)
    except (dns.exception.DNSException, OSError):
        return None
    texts = [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    paths = [text.removeprefix("path=") for text in texts if text.startswith("path=/")]
    return paths[0] if paths else None

"""Pages that stand before a site: bot walls, whose answer says nothing about what lies behind."""

import re
from collections.abc import Mapping

_HEADERS = (
    ("cf-mitigated", re.compile(r"challenge", re.IGNORECASE)),  # Cloudflare, at any status
    ("x-amzn-waf-action", re.compile(r"challenge|captcha", re.IGNORECASE)),
    ("x-vercel-mitigated", re.compile(r"challenge|deny", re.IGNORECASE)),
    ("sg-captcha", re.compile(r"challenge", re.IGNORECASE)),
)
_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{0,200})", re.IGNORECASE)
_TITLES = re.compile(
    r"just a moment|attention required!|checking your browser|one moment, please|ddos-guard|ddos protection"
    r"|pardon our interruption|security checkpoint|making sure you(?:'|&#39;|\u2019)re not a bot|access denied"
    r"|are you (?:a )?(?:human|robot)|robot challenge|verify(?:ing)? (?:that )?you are (?:a )?human"
    r"|human verification|bot verification|sucuri website firewall|client challenge|captcha",
    re.IGNORECASE,
)
_MARKS = ("_incapsula_resource", "/.well-known/sgcaptcha", "captcha-delivery.com", "px-captcha", "/_sec/verify")
_SMALL = 100_000  # characters: a wall is a small page, an article about walls need not be


def is_wall(headers: Mapping[str, str], text: str) -> bool:
    """Whether an answer is a bot wall's; ``headers`` with lower-case names."""
    if any(sign.search(headers.get(name, "")) for name, sign in _HEADERS):
        return True
    if len(text) > _SMALL:
        return False
    title = _TITLE.search(text)
    if title and _TITLES.search(title[1]):
        return True
    lower = text.lower()
    return any(mark in lower for mark in _MARKS)

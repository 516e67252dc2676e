"""The workstation's cookies: a jar for each origin, and what a browser in an EHR withholds.

Every origin counts as a site of its own, as an EHR and an app are in production; on one machine their ports alone
would not make them so. Domain, Path, Max-Age and Secure are judged by `http.cookiejar`, SameSite here
(RFC 6265bis section 5.6.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

THIRD_PARTY: Final = "browsers keep no cookies of an app in a frame of another site"
_SHOWN: Final = ("path", "domain", "secure", "httponly", "samesite", "max-age", "expires", "partitioned")


def origin_of(url: str) -> str:
    """`scheme://host:port`, in lower case."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def is_loopback(url: str) -> bool:
    """Whether an address is of this machine, which browsers trust as they do https."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    return host == "localhost" or host.endswith(".localhost") or host == "::1" or host.startswith("127.")


class Jars:
    """Cookies by origin."""

    def __init__(self) -> None:
        self._jars: dict[str, CookieJar] = {}

    def send(self, request: httpx2.Request, *, initiator: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Put the cookies on a request to which the origin `initiator` led: names sent, and `name: why not`."""
        import httpx2

        url = str(request.url)
        jar = self._jar(url)
        httpx2.Cookies(jar).set_cookie_header(request)
        parts = [part for part in request.headers.get("cookie", "").split("; ") if part]
        withheld = _withheld(jar, request.method) if origin_of(url) != initiator else {}
        kept = [part for part in parts if part.partition("=")[0] not in withheld]
        if kept:
            request.headers["cookie"] = "; ".join(kept)
        else:
            request.headers.pop("cookie", None)
        names = [part.partition("=")[0] for part in parts]
        blocked = tuple(f"{name}: {withheld[name]}" for name in names if name in withheld)
        return tuple(part.partition("=")[0] for part in kept), blocked

    def keep(self, response: httpx2.Response, *, refused: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Keep what a response sets: `name (attributes)` of what is kept, and `name: why not` of the rest."""
        import httpx2

        told = [_told(text) for text in response.headers.get_list("set-cookie")]
        if refused:
            return (), tuple(f"{name}: {THIRD_PARTY}" for name, _, _ in told)
        jar = self._jar(str(response.request.url))
        httpx2.Cookies(jar).extract_cookies(response)
        kept, blocked = [], []
        for name, shown, attributes in told:
            if attributes.get("samesite") == "none" and "secure" not in attributes:
                for cookie in [one for one in jar if one.name == name]:
                    jar.clear(cookie.domain, cookie.path, cookie.name)
                blocked.append(f"{name}: SameSite=None wants Secure")
            elif attributes.get("max-age") != "0" and "expires" not in attributes and not _in(jar, name):
                blocked.append(f"{name}: its Domain or Path is not of this address")
            else:
                kept.append(_with(name, shown))
        return tuple(kept), tuple(blocked)

    def _jar(self, url: str) -> CookieJar:
        origin = origin_of(url)
        if origin not in self._jars:
            trusted = ("https", "http") if is_loopback(url) else ("https",)
            self._jars[origin] = CookieJar(DefaultCookiePolicy(secure_protocols=trusted))
        return self._jars[origin]


def told_cookie(text: str) -> str:
    """`name (attributes)` of a Set-Cookie header; never the value."""
    name, shown, _ = _told(text)
    return _with(name, shown)


def no_jar() -> CookieJar:
    """A jar that takes nothing, for clients whose cookies are kept elsewhere."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def _with(name: str, shown: str) -> str:
    return f"{name} ({shown})" if shown else name


def _in(jar: CookieJar, name: str) -> bool:
    return any(cookie.name == name for cookie in jar)


def _withheld(jar: CookieJar, method: str) -> dict[str, str]:
    """Names of cookies that stay here when another site leads to this one, and why."""
    found: dict[str, str] = {}
    for cookie in jar:
        same_site = _same_site(cookie)
        if same_site == "strict":
            found[cookie.name] = "SameSite=Strict, and another site led here"
        elif same_site != "none" and method not in ("GET", "HEAD"):
            found[cookie.name] = f"SameSite=Lax, and another site led here with {method}"
    return found


def _same_site(cookie: Cookie) -> str:
    for name in ("SameSite", "samesite", "Samesite", "SAMESITE", "sameSite"):
        if cookie.has_nonstandard_attr(name):
            return str(cookie.get_nonstandard_attr(name) or "").lower()
    return ""


def _told(text: str) -> tuple[str, str, dict[str, str]]:
    """Name, attributes as they are shown, and by lower-case name, of one Set-Cookie header; never the value."""
    pair, *rest = [part.strip() for part in text.split(";")]
    attributes: dict[str, str] = {}
    shown: Sequence[str] = [part for part in rest if part.partition("=")[0].lower() in _SHOWN]
    for part in rest:
        name, _, value = part.partition("=")
        attributes[name.strip().lower()] = value.strip().lower()
    # A date would differ from run to run.
    said = "; ".join("Expires" if part.lower().startswith("expires") else part for part in shown)
    return pair.partition("=")[0], said, attributes

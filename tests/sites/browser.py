"""A browser and an app before one site, in memory: requests go through the site's pipelines."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from mockehr.auth.launches import Launch
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.directory import channel_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.test_client import APP_SCOPES, register_app

ROOT = "https://north.example.org"
CALLBACK = "https://app.example.org/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
FORM = "application/x-www-form-urlencoded"


def claims(jwt: str) -> dict[str, Any]:
    """What a JWT says, unverified."""
    part = jwt.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


class Browser:
    """One browser with its cookies. `site` has an app `app` (public) and `portal` (with a secret)."""

    def __init__(
        self, vendor: str = "generic", *, scopes: str = APP_SCOPES, settings: Any = None, **token: Any
    ) -> None:
        told = {**(settings or {}), **({"token": {"server": token}} if token else {})}
        options = SiteOptions("north", personality=vendor, patients=12, stepped=True, settings=told)
        self.site: Site = build_site(options)
        self.base = ROOT + self.site.fhir_path
        self.where = self.site.addresses(self.base)
        self.cookies: dict[str, str] = {}
        register_app(self.site, "app", [CALLBACK], scopes, name="The App")
        register_app(self.site, "portal", [CALLBACK], scopes, secret="s3cret")

    def send(self, method: str, url: str, body: str | bytes = b"", **headers: str) -> Exchange:
        """One request to an absolute address of the site."""
        assert url.startswith((ROOT, "/")), url
        parts = urlsplit(url.removeprefix(ROOT))
        found = channel_of(self.site, parts.path)
        assert found is not None, url
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies and "cookie" not in sent:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        octets = body.encode() if isinstance(body, str) else body
        exchange = Exchange(found[0], method, found[1], parts.query, sent, octets, base_url=self.base)
        self.site.handle(exchange)
        assert exchange.reply is not None
        for name, value in exchange.reply.headers:
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return exchange

    def get(self, url: str, **headers: str) -> Exchange:
        return self.send("GET", url, **headers)

    def post(self, url: str, form: dict[str, Any] | str, **headers: str) -> Exchange:
        body = form if isinstance(form, str) else urlencode(form, doseq=True)
        return self.send("POST", url, body, **{"content_type": FORM, **headers})

    def request(self, **told: Any) -> str:
        """The query of a correct authorization request with parameters laid over it; None removes one."""
        form = {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": CALLBACK,
            "scope": "launch/patient patient/Patient.rs",
            "state": "s t/a",
            "aud": self.base,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **told,
        }
        return urlencode({name: value for name, value in form.items() if value is not None})

    def begin(self, **told: Any) -> Exchange:
        return self.get(f"{self.where.authorize}?{self.request(**told)}")

    def launch(self, **told: Any) -> str:
        """The handle of a launch from the EHR for the first patient."""
        user = told.pop("user", "clinician")
        launch = Launch(**{"user": user, "patient": self.patient(), **told})
        return self.site.auth.launches.issue(launch, self.site.clock.now()).handle

    def patient(self, place: int = 0) -> str:
        return str(self.site.auth.door.charts.patients("", place + 1)[place].id)

    def finish(self, exchange: Exchange, user: str = "clinician") -> dict[str, str]:
        """Answer all pages, and give the parameters with which the app is called back."""
        for _ in range(12):
            where = location(exchange)
            if where.startswith(CALLBACK):
                return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
            exchange = self.get(where) if where else self.answer(exchange, user)
        raise AssertionError("the questions do not end")

    def answer(self, exchange: Exchange, user: str) -> Exchange:
        """Fill in the form of a page as somebody who agrees to all."""
        text = page_of(exchange)
        forms = re.findall(r'<form method="post" action="([^"]+)"', text)
        assert forms, text
        action = html.unescape(forms[-1])
        form: dict[str, Any] = {"pending": field_of(text, "pending")[0]}
        if action.endswith("sign-in"):
            form["username"] = user
        elif action.endswith("choose-patient"):
            form["patient"] = field_of(text, "patient")[0]
        elif action.endswith("choose-encounter"):
            form["encounter"] = field_of(text, "encounter")[0]
        else:
            form |= {"decision": "allow", "scope": field_of(text, "scope")}
        return self.post(action, form)

    def tokens(self, code: str, **told: Any) -> Exchange:
        form = {"code": code, "redirect_uri": CALLBACK, "client_id": "app", "code_verifier": VERIFIER, **told}
        return self.ask(grant_type="authorization_code", **form)

    def ask(self, url: str = "", **form: Any) -> Exchange:
        """A request to the token endpoint."""
        return self.post(url or self.where.token, {name: value for name, value in form.items() if value is not None})

    def granted(self, user: str = "clinician", **told: Any) -> dict[str, Any]:
        """The token response of a whole standalone launch in a browser where nobody signed in before."""
        self.cookies.clear()
        found = self.finish(self.begin(**told), user)
        return document(self.tokens(found["code"]))

    def opened(self, scope: str = "launch patient/Patient.rs", **told: Any) -> dict[str, Any]:
        """The token response of a whole launch from the EHR."""
        found = self.finish(self.begin(launch=self.launch(**told), scope=scope))
        return document(self.tokens(found["code"]))

    def read(self, path: str, token: str) -> Exchange:
        return self.get(f"{self.base}/{path}", authorization=f"Bearer {token}", accept="application/json")


def location(exchange: Exchange) -> str:
    assert exchange.reply is not None
    return exchange.reply.header("location")


def page_of(exchange: Exchange) -> str:
    """The HTML of a reply."""
    assert exchange.reply is not None
    assert exchange.reply.header("content-type").startswith("text/html"), exchange.reply
    return exchange.reply.body.decode()


def field_of(text: str, name: str) -> list[str]:
    """The values of the fields and buttons of that name."""
    found = re.findall(rf'name="{name}"[^>]*? value="([^"]*)"', text)
    return [html.unescape(one) for one in found if one]


def document(exchange: Exchange, status: int = 200) -> dict[str, Any]:
    """The JSON of a reply."""
    assert exchange.reply is not None
    assert exchange.reply.status == status, (exchange.reply.status, exchange.reply.body[:300], exchange.notes)
    return dict(json.loads(exchange.reply.body))

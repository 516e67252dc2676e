"""What tells one exchange from another, whatever run and order it comes in."""

from mockehr.core.exchange import Exchange
from mockehr.quirks.apply import exchange_key


def test_authorization_requests_are_told_apart_by_what_they_ask_for_and_not_by_what_the_app_drew() -> None:
    def asking(scope: str, state: str) -> str:
        query = f"client_id=app&scope={scope}&redirect_uri=http%3A%2F%2Fa%2Fcb&state={state}&code_challenge={state}"
        return exchange_key(Exchange("authorize", path="/oauth2/authorize", query=query))

    assert asking("openid", "one") == asking("openid", "two")
    assert asking("openid", "one") != asking("launch", "one")


def test_token_requests_are_told_apart_by_client_grant_and_scope() -> None:
    def asking(client: str, assertion: str) -> str:
        body = f"grant_type=client_credentials&scope=a&client_assertion={assertion}".encode()
        return exchange_key(Exchange("token", "POST", "/token", body=body, client=client))

    assert asking("a", "x") == asking("a", "y")
    assert asking("a", "x") != asking("b", "x")

// A program on openid-client, which holds everything that an OpenID Provider says against the standards. What it is
// told: issuer, tokenUrl, clientId, secret or jwk or neither, redirectUri, scope, audience (the FHIR base). No page may be shown.

import * as client from 'openid-client';

export const chapters = { signs, renews };

async function signs(told) {
  const { config, tokens, checks, landed } = await authorized(told);
  const claims = tokens.claims();
  const provider = config.serverMetadata();
  const userinfo = provider.userinfo_endpoint
    ? await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    : null;
  const replayed = await refusal(() => client.authorizationCodeGrant(config, landed, checks));
  return { claims, userinfo, issuer: provider.issuer, granted: tokens.scope, replayed };
}

async function renews(told) {
  const { config, tokens } = await authorized(told);
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
  const { introspection_endpoint: asks, revocation_endpoint: revokes } = config.serverMetadata();
  const before = asks ? await client.tokenIntrospection(config, renewed.access_token) : null;
  let after = null;
  if (revokes) {
    await client.tokenRevocation(config, renewed.access_token);
    after = asks ? await client.tokenIntrospection(config, renewed.access_token) : null;
  }
  return { changed: renewed.access_token !== tokens.access_token, claims: renewed.claims() ?? null, before, after };
}

async function authorized(told) {
  const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks], algorithm: 'oidc' };
  const config = await client.discovery(new URL(told.issuer), told.clientId, {}, await proof(told), options);
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedNonce: client.randomNonce(),
    expectedState: client.randomState(),
    idTokenExpected: true,
    maxAge: 3600,
  };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: told.redirectUri,
    scope: told.scope,
    aud: told.audience,
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    nonce: checks.expectedNonce,
    state: checks.expectedState,
    max_age: '3600',
  });
  const answer = await fetch(url, { redirect: 'manual' });
  if (answer.status !== 302) throw new Error(`a page: ${answer.status} ${await answer.text()}`);
  const landed = new URL(answer.headers.get('location'));
  const tokens = await client.authorizationCodeGrant(config, landed, checks);
  return { config, tokens, checks, landed };
}

// How the app proves who it is. SMART wants `typ`, and for audience the token endpoint instead of the issuer.
async function proof({ secret, jwk, tokenUrl }) {
  if (secret) return client.ClientSecretBasic(secret);
  if (!jwk) return client.None();
  const algorithm = { name: 'ECDSA', namedCurve: jwk.crv };
  const { kid, kty, crv, x, y, d } = jwk;
  const key = await crypto.subtle.importKey('jwk', { kty, crv, x, y, d }, algorithm, false, ['sign']);
  const smart = (header, payload) => {
    header.typ = 'JWT';
    payload.aud = tokenUrl;
  };
  return client.PrivateKeyJwt({ key, kid }, { [client.modifyAssertion]: smart });
}

async function refusal(call) {
  try {
    return (await call()) && 'granted';
  } catch (error) {
    return error.error ?? error.code;
  }
}

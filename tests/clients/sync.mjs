// A small sync client of one file for node 18 and later, without packages: node sync.mjs
// It is configured by MOCKEHR_SITES, MOCKEHR_OUTPUT and MOCKEHR_<SITE>_* as `mockehr check --variables` explains.
// SYNC_BUG plants one bug: `keeps-dead-token`, `ignores-retry-after` or `keeps-repeats`.

import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BUG = process.env.SYNC_BUG ?? '';
const KINDS = ['Encounter', 'Condition'];
const TRIES = 12;
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const base64 = (value) => Buffer.from(value).toString('base64url');

class Site {
  constructor(name) {
    const prefix = `MOCKEHR_${name.toUpperCase().replaceAll('-', '_')}_`;
    this.told = (what) => process.env[prefix + what] ?? '';
    this.token = '';
  }

  assertion() {
    const jwk = JSON.parse(this.told('PRIVATE_KEY'));
    const alg = jwk.kty === 'EC' ? 'ES384' : 'RS384';
    const now = Math.floor(Date.now() / 1000);
    const client = this.told('CLIENT_ID');
    const claims = { iss: client, sub: client, aud: this.told('TOKEN_URL'), iat: now, exp: now + 240, jti: randomUUID() };
    const signed = `${base64(JSON.stringify({ alg, kid: jwk.kid, typ: 'JWT' }))}.${base64(JSON.stringify(claims))}`;
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    return `${signed}.${base64(sign('sha384', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }))}`;
  }

  async renew() {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      scope: this.told('SCOPES'),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: this.assertion(),
    });
    const response = await fetch(this.told('TOKEN_URL'), { method: 'POST', body: form });
    if (!response.ok) throw new Error(`no token: ${response.status}`);
    this.token = (await response.json()).access_token;
  }

  // A resource, or null where the site does not give it.
  async get(url) {
    let renewed = false;
    for (let tried = 0; tried < TRIES; tried += 1) {
      if (!this.token) await this.renew();
      const headers = { authorization: `Bearer ${this.token}`, accept: 'application/fhir+json' };
      const response = await fetch(url, { headers });
      if (response.ok) return response.json();
      await response.arrayBuffer();
      if (response.status === 401 && !renewed && BUG !== 'keeps-dead-token') {
        renewed = true;
        this.token = '';
      } else if (response.status === 429 || response.status === 503) {
        const told = Number(response.headers.get('retry-after') ?? 1);
        await pause(BUG === 'ignores-retry-after' ? 0.02 : told + 0.1 + Math.random() / 5);
      } else {
        break;
      }
    }
    console.error(`left out: ${url}`);
    return null;
  }

  async sync() {
    const kept = [];
    const known = new Set();
    const keep = (resource) => {
      const key = `${resource.resourceType}/${resource.id}`;
      if (BUG === 'keeps-repeats' || !known.has(key)) kept.push(resource);
      known.add(key);
    };
    for (const id of this.told('PATIENTS').split(',')) {
      const person = await this.get(`${this.told('FHIR_URL')}/Patient/${id}`);
      if (person) keep(person);
      for (const kind of KINDS) {
        let url = `${this.told('FHIR_URL')}/${kind}?patient=${id}&_count=5`;
        while (url) {
          const page = await this.get(url);
          for (const entry of page?.entry ?? []) if (entry.resource?.resourceType === kind) keep(entry.resource);
          url = page?.link?.find((link) => link.relation === 'next')?.url;
        }
      }
    }
    return kept;
  }
}

const output = process.env.MOCKEHR_OUTPUT;
mkdirSync(output, { recursive: true });
for (const name of process.env.MOCKEHR_SITES.split(',')) {
  const kept = await new Site(name).sync();
  writeFileSync(join(output, `${name}.ndjson`), kept.map((one) => `${JSON.stringify(one)}\n`).join(''));
}

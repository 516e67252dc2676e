// A small program on fhir-kit-client: finds the token endpoint, gets a token, lists, reads, creates, and says what it saw.
// In: one JSON object on stdin (base, assertion, scope, everyone, charts, patient). Out: one JSON object on stdout.

import { Client } from 'fhir-kit-client';

const told = JSON.parse(await readAll(process.stdin));
const client = new Client({ baseUrl: told.base });
const refusedBare = await statusOf(() => client.read({ resourceType: 'Patient', id: told.charts[0].params.patient }));
const { tokenUrl } = await client.smartAuthMetadata();
client.bearerToken = await tokenFrom(tokenUrl);

const everyone = await search('Patient', told.everyone);
const charts = [];
for (const { type, params } of told.charts) charts.push(await search(type, params));

const created = await client.create({ resourceType: 'Patient', body: told.patient });
const { response } = Client.httpFor(created);
const id = response.headers.get('location').match(/Patient\/([^/]+)/)[1];
const read = await client.read({ resourceType: 'Patient', id });

const answer = { tokenUrl: String(tokenUrl), refusedBare, everyone, charts, created: { status: response.status, id }, read };
process.stdout.write(JSON.stringify(answer));

async function search(resourceType, searchParams) {
  const ids = [];
  let pages = 0;
  let bundle = await client.search({ resourceType, searchParams });
  while (bundle) {
    pages += 1;
    for (const { resource } of bundle.entry ?? []) if (resource.resourceType === resourceType) ids.push(resource.id);
    bundle = await client.nextPage({ bundle });
  }
  return { ids, pages };
}

async function tokenFrom(url) {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: told.scope,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: told.assertion,
  });
  const answer = await fetch(url, { method: 'POST', body: form });
  if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).access_token;
}

async function statusOf(call) {
  try {
    await call();
    return 200;
  } catch (error) {
    return error.response?.status ?? String(error);
  }
}

async function readAll(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

// Programs on fhir-kit-client. What they are told: base, token; patient, a chart that is there; person, a new Patient.

import { Client } from 'fhir-kit-client';

export const chapters = { backend, writes, bundles, searches, operations };

const RECORD = 'http://example.org/record|';

// Finds the token endpoint, gets a token, lists, reads charts, creates.
async function backend(told) {
  const client = new Client({ baseUrl: told.base });
  const refusedBare = await refusal(() => client.read({ resourceType: 'Patient', id: told.charts[0].params.patient }));
  const { tokenUrl, authorizeUrl } = await client.smartAuthMetadata();
  client.bearerToken = await tokenFrom(tokenUrl, told);
  const everyone = await pages(client, { resourceType: 'Patient', searchParams: told.everyone });
  const charts = [];
  for (const { type, params } of told.charts) {
    charts.push(await pages(client, { resourceType: type, searchParams: params }));
  }
  const created = await client.create({ resourceType: 'Patient', body: told.patient });
  const id = header(created, 'location').match(/Patient\/([^/]+)/)[1];
  const read = await client.read({ resourceType: 'Patient', id });
  return {
    tokenUrl: String(tokenUrl),
    authorizeUrl: String(authorizeUrl),
    refusedBare: refusedBare.status,
    everyone,
    charts,
    created: { status: status(created), id },
    read,
  };
}

async function writes(told) {
  const client = authorised(told);
  const resourceType = 'Patient';
  const created = await client.create({ resourceType, body: told.person });
  const { id } = created;
  const atVersion = (version) => ({ headers: { 'If-Match': `W/"${version}"` } });
  const body = { ...told.person, id, active: true };
  const updated = await client.update({ resourceType, id, body, options: atVersion(1) });
  const stale = await refusal(() => client.update({ resourceType, id, body, options: atVersion(1) }));
  const jsonPatch = [{ op: 'test', path: '/active', value: true }, { op: 'replace', path: '/active', value: false }];
  const patched = await client.patch({ resourceType, id, jsonPatch });
  const unfit = await refusal(() => client.patch({ resourceType, id, jsonPatch }));
  const first = await client.vread({ resourceType, id, version: '1' });
  const never = await refusal(() => client.vread({ resourceType, id, version: '9' }));
  const ifNone = (record) => ({ headers: { 'If-None-Exist': `identifier=${RECORD}${record}` } });
  const same = await client.create({ resourceType, body: told.person, options: ifNone(told.record) });
  const other = { ...told.person, identifier: [{ system: RECORD.slice(0, -1), value: `${told.record}-b` }] };
  const another = await client.create({ resourceType, body: other, options: ifNone(`${told.record}-b`) });
  const searchParams = { identifier: `${RECORD}${told.record}-b` };
  const upserted = await client.update({ resourceType, searchParams, body: { ...other, birthDate: '1960-02-29' } });
  const made = await client.update({
    resourceType,
    searchParams: { identifier: `${RECORD}${told.record}-c` },
    body: { ...other, identifier: [{ system: RECORD.slice(0, -1), value: `${told.record}-c` }] },
  });
  const minimal = await client.create({ resourceType, body: other, options: { headers: { Prefer: 'return=minimal' } } });
  const known = await refusal(() => client.read({ resourceType, id, options: { headers: { 'If-None-Match': 'W/"3"' } } }));
  const deleted = await client.delete({ resourceType, id });
  const afterwards = await refusal(() => client.read({ resourceType, id }));
  const unknown = await refusal(() => client.read({ resourceType, id: 'nobody' }));
  const invalid = await refusal(() => client.create({ resourceType, body: { resourceType, gender: 'x' } }));
  const history = await client.history({ resourceType, id });
  const ofType = await client.history({ resourceType });
  const ofAll = await client.history();
  const answers = { created, updated, patched, same, another, upserted, made, minimal, deleted };
  return {
    id,
    statuses: Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, status(answer)])),
    bodies: { created, updated, patched, first, same, another, upserted, made, minimal },
    refusals: { stale, known, unfit, never, afterwards, unknown, invalid },
    headers: {
      location: header(created, 'location'),
      etag: header(updated, 'etag'),
      lastModified: header(updated, 'last-modified'),
    },
    history: versions(history),
    ofType: versions(ofType),
    ofAll: versions(ofAll),
  };
}

async function bundles(told) {
  const client = authorised(told);
  const batch = await client.batch({
    body: {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        { request: { method: 'GET', url: `Patient/${told.patient}` } },
        { resource: told.person, request: { method: 'POST', url: 'Patient' } },
        { request: { method: 'GET', url: 'Patient/nobody' } },
        { request: { method: 'GET', url: `Condition?patient=${told.patient}` } },
      ],
    },
  });
  const transaction = await client.transaction({ body: told.transaction });
  const read = await client.read({
    resourceType: 'Observation',
    id: transaction.entry[0].response.location.split('/')[1],
  });
  const refused = await refusal(() => client.transaction({ body: told.faulty }));
  const left = await client.search({ resourceType: 'Patient', searchParams: told.faultyLeaves });
  return { batch, transaction, read, refused, left: left.total };
}

async function searches(told) {
  const client = authorised(told);
  const compartment = { resourceType: 'Patient', id: told.patient };
  const inCompartment = await pages(client, { resourceType: 'Condition', compartment });
  const posted = await pages(client, {
    resourceType: 'Observation',
    searchParams: { patient: told.patient, category: 'laboratory' },
    options: { postSearch: true },
  });
  const postedInCompartment = await pages(client, {
    resourceType: 'Encounter',
    compartment,
    searchParams: { _count: 3 },
    options: { postSearch: true },
  });
  const everywhere = await client.search({ searchParams: { _type: 'Patient', _id: told.patient } });
  const included = await client.search({
    resourceType: 'Condition',
    searchParams: { patient: told.patient, _include: 'Condition:subject', _count: 100 },
  });
  const first = await client.search({ resourceType: 'Patient', searchParams: { _count: 5 } });
  const second = await client.nextPage({ bundle: first });
  const back = await client.prevPage({ bundle: second });
  const reference = `Patient/${told.patient}`;
  const resolved = await client.resolve({ reference });
  const absolute = await client.resolve({ reference: `${told.base}/${reference}` });
  const inBundle = await client.resolve({ reference, context: included });
  const statement = await client.capabilityStatement();
  const raw = await client.request(`${reference}?_elements=name`);
  return {
    inCompartment,
    posted,
    postedInCompartment,
    everywhere,
    included: included.entry.map(({ resource, search }) => [resource.resourceType, search.mode]),
    pages: [first, second, back].map((bundle) => bundle && bundle.entry.map(({ resource }) => resource.id)),
    links: second.link.map(({ relation }) => relation),
    resolved,
    absolute,
    inBundle,
    fhirVersion: statement.fhirVersion,
    raw,
  };
}

async function operations(told) {
  const client = authorised(told);
  const resourceType = 'Patient';
  const id = told.patient;
  const everything = await client.operation({ name: 'everything', resourceType, id, method: 'GET' });
  const typed = await client.operation({
    name: '$everything',
    resourceType,
    id,
    method: 'GET',
    input: { _type: 'Condition,Encounter' },
  });
  const good = await client.operation({ name: 'validate', resourceType, input: told.person });
  const bad = await client.operation({ name: 'validate', resourceType, input: { ...told.person, gender: 'x' } });
  const stored = await client.operation({ name: 'validate', resourceType, id, method: 'GET' });
  const expansion = await client.operation({
    name: 'expand',
    resourceType: 'ValueSet',
    method: 'GET',
    input: { url: 'http://hl7.org/fhir/ValueSet/administrative-gender' },
  });
  const lookup = await client.operation({
    name: 'lookup',
    resourceType: 'CodeSystem',
    input: {
      resourceType: 'Parameters',
      parameter: [
        { name: 'system', valueUri: 'http://hl7.org/fhir/administrative-gender' },
        { name: 'code', valueCode: 'female' },
      ],
    },
  });
  const unknown = await refusal(() => client.operation({ name: 'nonsense', resourceType, id, method: 'GET' }));
  return { everything, typed, good, bad, stored, expansion, lookup, unknown };
}

function authorised(told) {
  return new Client({ baseUrl: told.base, bearerToken: told.token });
}

// The ids of a search's own type over all its pages, and how many pages there were.
async function pages(client, search) {
  const ids = [];
  let count = 0;
  let bundle = await client.search(search);
  while (bundle) {
    count += 1;
    for (const { resource } of bundle.entry ?? []) if (resource.resourceType === search.resourceType) ids.push(resource.id);
    bundle = await client.nextPage({ bundle });
  }
  return { ids, pages: count };
}

async function tokenFrom(url, told) {
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

function status(answer) {
  return Client.httpFor(answer).response.status;
}

function header(answer, name) {
  return Client.httpFor(answer).response.headers.get(name);
}

function versions(history) {
  return history.entry.map(({ request, response, resource }) => ({
    method: request.method,
    url: request.url,
    status: response.status,
    version: resource?.meta.versionId ?? null,
  }));
}

async function refusal(call) {
  try {
    return { status: 200, body: await call() };
  } catch (error) {
    if (!error.response) throw error;
    return { status: error.response.status, body: error.response.data };
  }
}

// Programs on @medplum/core. What they are told: base, token; patient, a chart that is there; person, a new Patient.

import { MedplumClient } from '@medplum/core';

export const chapters = { login, writes, bundles, searches, operations };

const RECORD = 'http://example.org/record';

// Its own way to a token by assertion, which sends no scope.
async function login(told) {
  const client = new MedplumClient({ baseUrl: told.root, tokenUrl: told.tokenUrl });
  return client.startJwtAssertionLogin(told.assertion).then(
    () => ({ why: '' }),
    (error) => ({ why: error.cause.message }),
  );
}

async function writes(told) {
  const client = authorised(told);
  const created = await client.createResource(told.person);
  const { id } = created;
  const read = await client.readResource('Patient', id);
  const updated = await client.updateResource({ ...read, active: true });
  const patched = await client.patchResource('Patient', id, [
    { op: 'test', path: '/active', value: true },
    { op: 'add', path: '/birthDate', value: '1960-02-29' },
  ]);
  const unfit = await refusal(() => client.patchResource('Patient', id, [{ op: 'remove', path: '/photo/3' }]));
  const query = (record) => `identifier=${RECORD}|${record}`;
  const same = await client.createResourceIfNoneExist(told.person, query(told.record));
  const other = { ...told.person, identifier: [{ system: RECORD, value: `${told.record}-b` }] };
  const another = await client.createResourceIfNoneExist(other, query(`${told.record}-b`));
  const upserted = await client.upsertResource({ ...other, active: false }, query(`${told.record}-b`));
  const history = await client.readHistory('Patient', id);
  const newest = await client.readHistory('Patient', id, { count: 1 });
  const first = await client.readVersion('Patient', id, '1');
  const comment = await client.createComment(patched, 'Called about the results.');
  const page = { data: '<p>Two days of rest</p>', contentType: 'text/html', filename: 'note.html' };
  const binary = await client.createBinary(page);
  const content = await client.download(`${told.base}/Binary/${binary.id}`, { headers: { Accept: 'text/html' } });
  const deleted = (await client.deleteResource('Patient', id)) ?? null;
  const afterwards = await refusal(() => client.readResource('Patient', id));
  const invalid = await refusal(() => client.createResource({ resourceType: 'Patient', gender: 'x' }));
  return {
    id,
    bodies: { created, read, updated, patched, same, another, upserted, first, comment, binary },
    history: history.entry.map(({ resource }) => resource.meta.versionId),
    newest: newest.entry.map(({ resource }) => resource.meta.versionId),
    content: { type: content.type, text: await content.text() },
    deleted,
    refusals: { unfit, afterwards, invalid },
  };
}

async function bundles(told) {
  const client = authorised(told);
  const batch = await client.executeBatch({
    resourceType: 'Bundle',
    type: 'batch',
    entry: [
      { request: { method: 'GET', url: `Patient/${told.patient}` } },
      { resource: told.person, request: { method: 'POST', url: 'Patient' } },
      { request: { method: 'GET', url: 'Patient/nobody' } },
      { request: { method: 'GET', url: `Condition?patient=${told.patient}` } },
    ],
  });
  const transaction = await client.executeBatch(told.transaction);
  const read = await client.readReference({ reference: versionless(transaction.entry[0].response.location) });
  const refused = await refusal(() => client.executeBatch(told.faulty));
  const left = await client.search('Patient', told.faultyLeaves);
  // Reads that it gathers by itself and sends as one batch.
  const gathering = authorised(told, { autoBatchTime: 20 });
  const gathered = await Promise.all([
    gathering.readResource('Patient', told.patient),
    gathering.search('Condition', { patient: told.patient }),
    refusal(() => gathering.readResource('Patient', 'nobody')),
  ]);
  return { batch, transaction, read, refused, left: left.total, gathered };
}

async function searches(told) {
  const client = authorised(told);
  const patient = told.patient;
  const bundle = await client.search('Condition', { patient, _include: 'Condition:subject', _count: 100 });
  const one = await client.searchOne('Patient', { _id: patient });
  const none = (await client.searchOne('Patient', { _id: 'nobody' })) ?? null;
  const labs = await client.searchResources('Observation', `patient=${patient}&category=laboratory&_count=1000`);
  const paged = [];
  for await (const page of client.searchResourcePages('Patient', { _count: 10 })) paged.push(page.map(({ id }) => id));
  const labPages = [];
  const asked = new URLSearchParams({ patient, category: 'laboratory', _count: '4' });
  for await (const page of client.searchResourcePages('Observation', asked)) labPages.push(page.map(({ id }) => id));
  const whole = [];
  for await (const page of client.searchResourcePages('Encounter', { patient })) whole.push(page.map(({ id }) => id));
  const subject = await client.readReference(bundle.entry[0].resource.subject);
  const bad = await refusal(() => client.search('Patient', { birthdate: 'yesterday' }));
  return {
    modes: bundle.entry.map(({ resource, search }) => [resource.resourceType, search.mode]),
    one,
    none,
    labs: labs.map(({ id }) => id),
    paged,
    labPages,
    whole,
    subject,
    bad,
  };
}

async function operations(told) {
  const client = authorised(told);
  const everything = await client.readPatientEverything(told.patient);
  const good = await client.validateResource(told.person);
  const bad = await client.validateResource({ ...told.person, gender: 'x' });
  const url = 'http://hl7.org/fhir/ValueSet/administrative-gender';
  const expansion = await client.valueSetExpand({ url });
  const filtered = await client.valueSetExpand({ url, filter: 'fem', count: 5 });
  // What only its own server has.
  const summary = await refusal(() => client.readPatientSummary(told.patient));
  const graph = await refusal(() => client.graphql('{ Patient(id: "1") { id } }'));
  const schema = await refusal(() => client.requestSchema('Patient'));
  const bot = await refusal(() => client.executeBot('abc', {}));
  return { everything, good, bad, expansion, filtered, refusals: { summary, graph, schema, bot } };
}

function authorised(told, more = {}) {
  const { root: baseUrl, path: fhirUrlPath, token: accessToken } = told;
  return new MedplumClient({ baseUrl, fhirUrlPath, accessToken, cacheTime: 0, ...more });
}

function versionless(location) {
  return location.replace(/\/_history\/.*/, '');
}

// The OperationOutcome that the client made an error of; it does not tell the status.
async function refusal(call) {
  try {
    return { resourceType: '', saw: await call() };
  } catch (error) {
    if (!error.outcome) throw error;
    return error.outcome;
  }
}

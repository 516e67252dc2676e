// Programs on SMART's fhirclient for node. What they are told: base, token; patient, a chart that is there; person, a
// new Patient.

import smart from 'fhirclient';

export const chapters = { writes, pages, references, context };

async function writes(told) {
  const client = authorised(told);
  const statuses = {};
  const kept = async (name, call) => {
    const { body, response } = await call;
    statuses[name] = response.status;
    return body;
  };
  const includeResponse = true;
  const created = await kept('created', client.create(told.person, { includeResponse }));
  const url = `Patient/${created.id}`;
  const read = await kept('read', client.request({ url, includeResponse }));
  const updated = await kept('updated', client.update({ ...read, active: true }, { includeResponse }));
  const plain = await client.update({ ...updated, active: false });
  const operations = [
    { op: 'test', path: '/active', value: false },
    { op: 'replace', path: '/active', value: true },
    { op: 'add', path: '/birthDate', value: '1960-02-29' },
  ];
  const patched = await kept('patched', client.patch(url, operations, { includeResponse }));
  const unfit = await refusal(() => client.patch(url, operations));
  await kept('deleted', client.delete(url, { includeResponse }));
  const afterwards = await refusal(() => client.request(url));
  const unknown = await refusal(() => client.request('Patient/nobody'));
  const invalid = await refusal(() => client.create({ resourceType: 'Patient', gender: 'x' }));
  const posted = await client.request({
    url: 'Patient/_search',
    method: 'POST',
    body: `_id=${told.patient}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  return {
    id: created.id,
    statuses,
    bodies: { created, read, updated, plain, patched },
    refusals: { unfit, afterwards, unknown, invalid },
    posted: posted.entry.map(({ resource }) => resource.id),
  };
}

async function pages(told) {
  const client = authorised(told);
  const url = 'Patient?_count=10';
  const one = await client.request(url);
  const two = await client.request(url, { pageLimit: 2 });
  const flat = await client.request(url, { pageLimit: 0, flat: true });
  const handed = [];
  await client.request(url, { pageLimit: 0, flat: true, onPage: (page) => handed.push(page.map(({ id }) => id)) });
  const drawn = [];
  for await (const page of client.pages(url)) drawn.push(page.entry.map(({ resource }) => resource.id));
  const limited = [];
  for await (const { id } of client.resources(url, { limit: 14 })) limited.push(id);
  return {
    one: one.entry.map(({ resource }) => resource.id),
    two: two.map((page) => page.entry.map(({ resource }) => resource.id)),
    flat: flat.map(({ id }) => id),
    handed,
    drawn,
    limited,
  };
}

async function references(told) {
  const client = authorised(told);
  const url = `Encounter?patient=${told.patient}&_count=100`;
  const resolveReferences = ['subject', 'serviceProvider', 'participant.0.individual'];
  const graph = await client.request(url, { resolveReferences, flat: true });
  const map = await client.request(url, { resolveReferences, graph: false, flat: true, pageLimit: 0 });
  const [encounter] = await client.request(url, { flat: true });
  const fetched = await client.getReferences(encounter, ['subject']);
  await client.resolveReferences(encounter, ['subject']);
  return {
    graph: graph.map(({ id, subject, serviceProvider, participant }) => ({
      id,
      subject,
      serviceProvider,
      individual: participant?.[0]?.individual,
    })),
    map: { ids: map.data.map(({ id }) => id), references: map.references },
    fetched: Object.keys(fetched),
    subject: encounter.subject,
  };
}

async function context(told) {
  const client = authorised(told, { patient: told.patient });
  const patient = await client.patient.read();
  const options = { flat: true, pageLimit: 0 };
  const observations = await client.patient.request('Observation?category=laboratory&_count=20', options);
  const conditions = await client.patient.request('Condition', options);
  const medication = await client.patient.request('MedicationRequest', options);
  const unfit = await client.patient.request('Organization').catch((error) => error.message);
  const byCode = client.byCode(observations, 'code');
  const session = {};
  const stranger = smart({ session }, {}).client({ serverUrl: told.base, tokenResponse: { access_token: 'nothing' } });
  const refused = await refusal(() => stranger.request(`Patient/${told.patient}`));
  return {
    patient,
    id: client.patient.id,
    observations: observations.map(({ id }) => id),
    conditions: conditions.map(({ id }) => id),
    medication: medication.map(({ id }) => id),
    unfit,
    codes: Object.values(byCode).flat().length,
    version: await client.getFhirVersion(),
    release: await client.getFhirRelease(),
    header: client.getAuthorizationHeader() === `Bearer ${told.token}`,
    refused: refused.status,
    forgotten: stranger.getState('tokenResponse.access_token') === undefined,
  };
}

function authorised(told, more = {}) {
  return smart({ session: {} }, {}).client({
    serverUrl: told.base,
    tokenResponse: { access_token: told.token, ...more },
  });
}

async function refusal(call) {
  try {
    await call();
    return { status: 200, text: '' };
  } catch (error) {
    if (!error.status) throw error;
    return { status: error.status, text: error.message };
  }
}

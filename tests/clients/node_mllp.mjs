// Two MLLP clients written for node, one for each chapter. They send admissions C0, C1, … of patients 0, 1, …, each
// over and over until it was acknowledged, and say how often that took a further try.

const admission = (number) =>
  [
    `MSH|^~\\&|ADT1|WARD|MOCKEHR|HOSPITAL|20260105120000||ADT^A01^ADT_A01|C${number}|P|2.5.1||||||UNICODE UTF-8`,
    'EVN|A01|20260105120000',
    `PID|1||${number}^^^WARD^MR||Müller${number}^Zoë||19800304|F`,
    `PV1|1|I|3W^301^1||||||||||||||||V${number}`,
  ].join('\r');

const TRIES = 20;

async function medplum({ host, port, count, connections, patience }) {
  const { Hl7Client } = await import('@medplum/hl7');
  const { Hl7Message } = await import('@medplum/core');
  const saw = { acknowledged: 0, again: 0, strange: [] };

  async function share(first) {
    const open = () => new Hl7Client({ host, port, keepAlive: true });
    let client = open();
    for (let number = first; number < count; number += connections) {
      for (let tries = 1; ; tries++) {
        try {
          const ack = await client.sendAndWait(Hl7Message.parse(admission(number)), { timeoutMs: patience });
          const [code, id] = [1, 2].map((field) => ack.getSegment('MSA').getField(field).toString());
          if (code !== 'AA' || id !== `C${number}`) saw.strange.push(`${code} ${id} for C${number}`);
          saw.acknowledged += 1;
          break;
        } catch (error) {
          if (tries === TRIES) throw error;
          saw.again += 1;
          await client.close().catch(() => {});
          client = open();
        }
      }
    }
    await client.close();
  }

  await Promise.all(Array.from({ length: connections }, (_, first) => share(first)));
  return saw;
}

async function nodeHl7Client({ host, port, count }) {
  const { Client, Message } = await import('node-hl7-client');
  const saw = { acknowledged: 0, again: 0, strange: [] };
  const client = new Client({ host });
  let answered;
  const connection = client.createConnection({ port, waitAck: true }, async (response) => {
    answered(response.getMessage());
  });
  await new Promise((resolve) => connection.on('connect', resolve));
  for (let number = 0; number < count; number++) {
    const answer = new Promise((resolve) => (answered = resolve));
    await connection.sendMessage(new Message({ text: admission(number) }));
    const ack = await answer;
    const [code, id] = [ack.get('MSA.1').toString(), ack.get('MSA.2').toString()];
    if (code !== 'AA' || id !== `C${number}`) saw.strange.push(`${code} ${id} for C${number}`);
    saw.acknowledged += 1;
  }
  await connection.close();
  client.closeAll();
  return saw;
}

export const chapters = { medplum, nodeHl7Client };

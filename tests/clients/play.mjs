// Plays one chapter of a program on a client: node play.mjs ./medplum.mjs writes.
// In: one JSON object on stdin, what the chapter has to be told. Out: one JSON object on stdout, what it saw.

const [program, chapter] = process.argv.slice(2);
let told = '';
for await (const chunk of process.stdin) told += chunk;
const { chapters } = await import(program);
const saw = await chapters[chapter](JSON.parse(told));
process.stdout.write(JSON.stringify(saw));

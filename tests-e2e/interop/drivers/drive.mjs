// Drive a client program: `drive.mjs PROGRAM` obeys lines on standard input and prints a JSON line for each.
//
// The program exports two functions, which may be async: `newClient()`, and `call(client)`, which makes one call to the
// API and returns the status. The lines are `call`, `calls N` (N promises at once), `new` (a cold start) and `url URL` (what to
// call from now on).
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

console.log = console.error; // what a library prints is no answer

const failed = (error) => {
  const text = `${error.name}: ${error.message}`.split('\n')[0];
  return { error: text.replaceAll(readFileSync(process.env.CLIENT_SECRET_FILE, 'utf8'), '…').slice(0, 300) };
};

const program = await import(pathToFileURL(process.argv[2]));
let client;

async function once() {
  try {
    return { status: await program.call(client) };
  } catch (error) {
    return failed(error);
  }
}

async function answer(line) {
  const [command, rest] = line.trim().split(' ');
  try {
    if (command === 'new' || client === undefined) client = await program.newClient();
  } catch (error) {
    return failed(error);
  }
  if (command === 'url') process.env.API_URL = rest;
  if (command === 'call') return once();
  if (command === 'calls') return { statuses: await Promise.all(Array.from({ length: Number(rest) }, once)) };
  return {};
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(line)) + '\n');
}
process.exit(0);

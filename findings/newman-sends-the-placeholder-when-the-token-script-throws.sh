#!/bin/sh
# newman 6.2.2: an error in the function that takes the token is lost, and `Bearer {{token}}` goes out as it stands.
#
# newman does not ask for a token by itself, so a script before the request does, with pm.sendRequest(). One would
# throw an error in its callback where the token endpoint refuses, and expect the run to fail there, as it does for an
# error in the script itself; at the latest with `bail`. The error ends nothing and is no failure of the run. The
# request is sent, and as the variable was never set, the placeholder in braces is sent as the token. Call
# `pm.execution.skipRequest()` in the callback instead.
#
# Seen on Node.js 20 with newman 6.2.2 (the API of this script answers 200 to everything):
#   thrown in the script: failures 1
#   thrown in the callback: failures 0, the API got: Bearer {{token}}
#   skipped in the callback: failures 0, the API got nothing
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{}' >package.json
npm install --silent --no-audit --no-fund newman@6.2.2
cat >see.mjs <<'JAVASCRIPT'
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import newman from 'newman';

const run = promisify(newman.run);
let got;
const server = createServer((request, response) => {
  if (request.url === '/api') got = request.headers.authorization;
  response.statusCode = request.url === '/token' ? 400 : 200;
  response.end('{"error": "invalid_client"}');
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const base = `http://127.0.0.1:${server.address().port}`;

async function see(title, exec) {
  got = undefined;
  const bearer = [{ key: 'token', value: '{{token}}' }];
  const request = { url: `${base}/api`, auth: { type: 'bearer', bearer } };
  const item = [{ event: [{ listen: 'prerequest', script: { exec } }], request }];
  const summary = await run({ collection: { info: { name: 'api' }, item }, bail: true });
  const api = title.endsWith('script') ? '' : `, the API got${got ? `: ${got}` : ' nothing'}`;
  console.log(`${title}: failures ${summary.run.failures.length}${api}`);
}

const ask = (callback) => `pm.sendRequest('${base}/token', (error, answer) => { if (answer.code !== 200) ${callback} });`;
await see('thrown in the script', "throw new Error('no token');");
await see('thrown in the callback', ask("throw new Error('no token');"));
await see('skipped in the callback', ask('pm.execution.skipRequest();'));
server.close();
JAVASCRIPT
node see.mjs | tee seen
diff - seen <<'SEEN'
thrown in the script: failures 1
thrown in the callback: failures 0, the API got: Bearer {{token}}
skipped in the callback: failures 0, the API got nothing
SEEN

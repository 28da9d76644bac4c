#!/bin/sh
# @modelcontextprotocol/sdk 1.32.2: after a 403 `insufficient_scope`, a machine client asks for the same scope again.
#
# The transport takes the challenge's scope out of the 403 and starts an authorization with it, so one would expect a
# token call for that scope (RFC 6750 3.1), as it happens in the browser's flow. ClientCredentialsProvider and
# PrivateKeyJwtProvider ask for the scope of their constructor, whatever was passed, and the call fails after one more
# token that can do no more than the first. Leave the scope out of the constructor, and the server decides; or take
# @modelcontextprotocol/client 2.4.0, which asks for both.
#
# Seen on Node.js 20 with these two versions, the API asking for "read write":
#   sdk 1.32.2: token calls for "read", "read"; then 403
#   client 2.4.0: token calls for "read", "read write"; then 202
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{}' >package.json
npm install --silent --no-audit --no-fund @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0
cat >see.mjs <<'JAVASCRIPT'
import { createServer } from 'node:http';
import * as two from '@modelcontextprotocol/client';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const asked = [];
const answers = {
  '/.well-known/oauth-protected-resource': () => ({ resource: base, authorization_servers: [base] }),
  '/.well-known/oauth-authorization-server': () => ({
    issuer: base,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    response_types_supported: ['code'],
  }),
  '/token': (body) => {
    asked.push(new URLSearchParams(body).get('scope'));
    return { access_token: asked.at(-1), token_type: 'Bearer' };
  },
};
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const answer = answers[request.url]?.(body);
  if (answer) return response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
  const token = request.headers.authorization?.slice('Bearer '.length);
  response.statusCode = { undefined: 401, read: 403 }[token] ?? 202;
  const challenge = token ? 'error="insufficient_scope", scope="read write"' : 'scope="read"';
  response.setHeader('WWW-Authenticate', `Bearer ${challenge}`).end();
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const base = `http://127.0.0.1:${server.address().port}`;

async function see(title, Provider, Transport) {
  const credentials = { clientId: 'id', clientSecret: 'secret', expectedIssuer: base, scope: 'read' };
  const transport = new Transport(new URL(base), { authProvider: new Provider(credentials) });
  await transport.start();
  const failure = await transport.send({ jsonrpc: '2.0', method: 'a/notification' }).catch((error) => error);
  const scopes = asked.splice(0).map((scope) => `"${scope}"`).join(', ');
  console.log(`${title}: token calls for ${scopes}; then ${failure ? failure.code : 202}`);
}

await see('sdk 1.32.2', ClientCredentialsProvider, StreamableHTTPClientTransport);
await see('client 2.4.0', two.ClientCredentialsProvider, two.StreamableHTTPClientTransport);
process.exit();
JAVASCRIPT
node see.mjs | tee seen
diff - seen <<'SEEN'
sdk 1.32.2: token calls for "read", "read"; then 403
client 2.4.0: token calls for "read", "read write"; then 202
SEEN

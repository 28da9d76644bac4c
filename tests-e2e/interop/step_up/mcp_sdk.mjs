// The first call reads; the second one posts a message to the same address, as an MCP server has it, with the same token.
import { readFileSync } from 'node:fs';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { withOAuth } from '@modelcontextprotocol/sdk/client/middleware.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const { ISSUER, API_URL, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;

export function newClient() {
  const provider = new ClientCredentialsProvider({
    clientId: CLIENT_ID,
    clientSecret: readFileSync(CLIENT_SECRET_FILE, 'utf8'),
    expectedIssuer: ISSUER,
    scope: SCOPE,
  });
  return [() => read(provider), () => post(provider)];
}

export function call(steps) {
  return steps.shift()();
}

async function read(provider) {
  const answer = await withOAuth(provider, API_URL)(fetch)(API_URL);
  return answer.status;
}

async function post(provider) {
  const transport = new StreamableHTTPClientTransport(new URL(API_URL), { authProvider: provider });
  await transport.start();
  const failure = await transport.send({ jsonrpc: '2.0', method: 'ping', id: 1 }).catch((error) => error);
  return failure.status ?? failure.code; // the status has another name in each version
}

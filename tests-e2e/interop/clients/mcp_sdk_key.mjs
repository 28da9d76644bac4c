import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { withOAuth } from '@modelcontextprotocol/sdk/client/middleware.js';

const { ISSUER, API_URL, CLIENT_ID, KEY_FILE } = process.env;

export function newClient() {
  const provider = new PrivateKeyJwtProvider({
    clientId: CLIENT_ID,
    privateKey: createPrivateKey(readFileSync(KEY_FILE)).export({ format: 'jwk' }), // as PEM it refuses Ed25519
    algorithm: 'EdDSA',
    expectedIssuer: ISSUER, // whatever the API names, no other server gets an assertion
  });
  return withOAuth(provider, API_URL)(fetch);
}

export async function call(fetchWithToken) {
  const answer = await fetchWithToken(API_URL);
  return answer.status;
}

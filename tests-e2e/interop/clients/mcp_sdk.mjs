import { readFileSync } from 'node:fs';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { withOAuth } from '@modelcontextprotocol/sdk/client/middleware.js';

const { ISSUER, API_URL, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;

export function newClient() {
  const provider = new ClientCredentialsProvider({
    clientId: CLIENT_ID,
    clientSecret: readFileSync(CLIENT_SECRET_FILE, 'utf8'),
    expectedIssuer: ISSUER, // whatever the API names, no other server gets the secret
  });
  return withOAuth(provider, API_URL)(fetch);
}

export async function call(fetchWithToken) {
  const answer = await fetchWithToken(API_URL);
  return answer.status;
}

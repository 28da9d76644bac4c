import { readFileSync } from 'node:fs';
import { ClientCredentialsProvider, withOAuth } from '@modelcontextprotocol/client';

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

import { readFileSync } from 'node:fs';
import { AuthenticationClient } from 'auth0/legacy'; // the main entry has no such class since version 5

const { ISSUER, API_URL, AUDIENCE, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;

export function newClient() {
  return new AuthenticationClient({
    domain: new URL(ISSUER).host, // always by https
    clientId: CLIENT_ID,
    clientSecret: readFileSync(CLIENT_SECRET_FILE, 'utf8'),
  });
}

export async function call(client) {
  const { data } = await client.oauth.clientCredentialsGrant({ audience: AUDIENCE, scope: SCOPE });
  const answer = await fetch(API_URL, { headers: { Authorization: `Bearer ${data.access_token}` } });
  return answer.status;
}

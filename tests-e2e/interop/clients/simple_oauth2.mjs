import { readFileSync } from 'node:fs';
import { ClientCredentials } from 'simple-oauth2';

const { TOKEN_URL, API_URL, AUDIENCE, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;

export function newClient() {
  const { origin, pathname } = new URL(TOKEN_URL);
  return new ClientCredentials({
    client: { id: CLIENT_ID, secret: readFileSync(CLIENT_SECRET_FILE, 'utf8') },
    auth: { tokenHost: origin, tokenPath: pathname },
  });
}

export async function call(client) {
  if (!client.kept || client.kept.expired(30)) { // the margin is in seconds; without it there is none
    client.kept = await client.getToken({ audience: AUDIENCE, scope: SCOPE });
  }
  const headers = { Authorization: `Bearer ${client.kept.token.access_token}` };
  const answer = await fetch(API_URL, { headers });
  return answer.status;
}

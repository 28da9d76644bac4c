import { readFileSync } from 'node:fs';
import { ClientOAuth2 } from '@n8n/client-oauth2';

const { TOKEN_URL, API_URL, AUDIENCE, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;

export function newClient() {
  return new ClientOAuth2({
    accessTokenUri: TOKEN_URL,
    clientId: CLIENT_ID,
    clientSecret: readFileSync(CLIENT_SECRET_FILE, 'utf8'),
    scopes: SCOPE.split(' '),
    additionalBodyProperties: { audience: AUDIENCE },
  });
}

export async function call(client) {
  if (!client.kept || client.kept.expired()) client.kept = await client.credentials.getToken();
  const { url, headers } = client.kept.sign({ method: 'GET', url: API_URL });
  const answer = await fetch(url, { headers });
  return answer.status;
}

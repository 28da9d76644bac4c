import { readFileSync } from 'node:fs';
import { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client';

const { ISSUER, API_URL, AUDIENCE, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;

export function newClient() {
  const client = new OAuth2Client({
    server: ISSUER,
    clientId: CLIENT_ID,
    clientSecret: readFileSync(CLIENT_SECRET_FILE, 'utf8'),
  });
  const getNewToken = () => client.clientCredentials({ resource: AUDIENCE, scope: [SCOPE] });
  return new OAuth2Fetch({ client, getNewToken });
}

export async function call(api) {
  const answer = await api.fetch(API_URL);
  return answer.status;
}

import { readFileSync } from 'node:fs';
import * as openid from 'openid-client';

const { ISSUER, API_URL, AUDIENCE, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;

export function newClient() {
  const secret = readFileSync(CLIENT_SECRET_FILE, 'utf8');
  const options = { execute: [openid.allowInsecureRequests] }; // for http on this machine alone
  return openid.discovery(new URL(ISSUER), CLIENT_ID, secret, undefined, options);
}

export async function call(config) {
  const { access_token } = await openid.clientCredentialsGrant(config, { audience: AUDIENCE, scope: SCOPE });
  const answer = await openid.fetchProtectedResource(config, access_token, new URL(API_URL), 'GET');
  return answer.status;
}

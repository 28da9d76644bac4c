import { readFileSync } from 'node:fs';
import { importPKCS8 } from 'jose';
import * as openid from 'openid-client';

const { ISSUER, API_URL, AUDIENCE, SCOPE, CLIENT_ID, KEY_FILE } = process.env;

export async function newClient() {
  const key = await importPKCS8(readFileSync(KEY_FILE, 'utf8'), 'Ed25519');
  const options = { execute: [openid.allowInsecureRequests] }; // for http on this machine alone
  return openid.discovery(new URL(ISSUER), CLIENT_ID, undefined, openid.PrivateKeyJwt(key), options);
}

export async function call(config) {
  const { access_token } = await openid.clientCredentialsGrant(config, { audience: AUDIENCE, scope: SCOPE });
  const answer = await openid.fetchProtectedResource(config, access_token, new URL(API_URL), 'GET');
  return answer.status;
}

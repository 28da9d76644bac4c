import { readFileSync } from 'node:fs';
import * as oauth from 'oauth4webapi';

const { ISSUER, API_URL, AUDIENCE, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;
const http = { [oauth.allowInsecureRequests]: true }; // for http on this machine alone
const issuer = new URL(ISSUER);
const client = { client_id: CLIENT_ID };
const authentication = oauth.ClientSecretBasic(readFileSync(CLIENT_SECRET_FILE, 'utf8'));

export async function newClient() {
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http });
  return oauth.processDiscoveryResponse(issuer, response);
}

export async function call(server) {
  const parameters = { audience: AUDIENCE, scope: SCOPE };
  const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, http);
  const { access_token } = await oauth.processClientCredentialsResponse(server, client, response);
  const url = new URL(API_URL);
  const answer = await oauth.protectedResourceRequest(access_token, 'GET', url, undefined, undefined, http);
  return answer.status;
}

import { readFileSync } from 'node:fs';
import * as oauth from 'oauth4webapi';

const { ISSUER, API_URL, AUDIENCE, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;
const http = { [oauth.allowInsecureRequests]: true }; // for http on this machine alone
const issuer = new URL(ISSUER);
const client = { client_id: CLIENT_ID };
const authentication = oauth.ClientSecretBasic(readFileSync(CLIENT_SECRET_FILE, 'utf8'));
const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http });
const server = await oauth.processDiscoveryResponse(issuer, found);

const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
const parameters = { audience: AUDIENCE, scope: SCOPE };

async function token() {
  const answer = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, { DPoP, ...http });
  return oauth.processClientCredentialsResponse(server, client, answer);
}

function call(accessToken) {
  return oauth.protectedResourceRequest(accessToken, 'GET', new URL(API_URL), undefined, undefined, { DPoP, ...http });
}

async function againWithNonce(request) { // which this library leaves to its caller
  try {
    return await request();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return request();
  }
}

const { access_token, token_type } = await againWithNonce(token);
console.log(token_type);
for (let count = 0; count < 2; count++) {
  const answer = await againWithNonce(() => call(access_token));
  await answer.text(); // an unread body keeps the connection open
  console.log(answer.status);
}

import { readFileSync } from 'node:fs';
import * as openid from 'openid-client';

const { ISSUER, API_URL, AUDIENCE, SCOPE, CLIENT_ID, CLIENT_SECRET_FILE } = process.env;
const secret = readFileSync(CLIENT_SECRET_FILE, 'utf8');
const options = { execute: [openid.allowInsecureRequests] }; // for http on this machine alone
const config = await openid.discovery(new URL(ISSUER), CLIENT_ID, secret, undefined, options);

const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair());
const parameters = { audience: AUDIENCE, scope: SCOPE };
const { access_token, token_type } = await openid.clientCredentialsGrant(config, parameters, { DPoP });
console.log(token_type);
for (let call = 0; call < 2; call++) {
  const url = new URL(API_URL);
  const answer = await openid.fetchProtectedResource(config, access_token, url, 'GET', null, undefined, { DPoP });
  console.log(answer.status);
}

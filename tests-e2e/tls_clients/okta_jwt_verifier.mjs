// Verify the access token on standard input, as Okta's verifier does, and print its client. It takes no http issuer.
import { readFileSync } from 'node:fs';
import OktaJwtVerifier from '@okta/jwt-verifier';

const { ISSUER, AUDIENCE } = process.env;
const verifier = new OktaJwtVerifier({ issuer: ISSUER, jwksUri: `${ISSUER}/.well-known/jwks.json` });
const { claims } = await verifier.verifyAccessToken(readFileSync(0, 'utf8'), AUDIENCE);
console.log(claims.client_id);

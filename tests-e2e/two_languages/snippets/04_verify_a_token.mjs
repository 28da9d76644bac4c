import { createRemoteJWKSet, jwtVerify } from 'jose'

const { AUDIENCE, ISSUER, TOKEN } = process.env
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`))

async function verified(token) {
  const { payload } = await jwtVerify(token, keys, {
    typ: 'at+jwt',
    algorithms: ['RS256'],
    issuer: ISSUER,
    audience: AUDIENCE,
    clockTolerance: 60,
    requiredClaims: ['exp', 'iat', 'sub', 'client_id'],
  })
  return payload
}

console.log((await verified(TOKEN)).client_id)

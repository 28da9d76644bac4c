import { createRemoteJWKSet, jwtVerify } from 'jose'
import { ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, serve } from './serving.mjs'

// recipe begins
const keys = createRemoteJWKSet(new URL(JWKS_URI), { cacheMaxAge: 300_000 })
const checks = {
  issuer: ISSUER, audience: AUDIENCE, algorithms: [ALGORITHM], typ: 'at+jwt',
  clockTolerance: 60, requiredClaims: ['exp', 'iat', 'sub'],
}
async function authorize(authorization, scope) {
  try {
    const { payload } = await jwtVerify(authorization.replace(/^Bearer /, ''), keys, checks)
    if (payload.scope?.split(' ').includes(scope)) return [200]
    return [403, `Bearer error="insufficient_scope", scope="${scope}"`]
  } catch {
    return [401, 'Bearer error="invalid_token"']
  }
}
// recipe ends

const asDocumented = createRemoteJWKSet(new URL(JWKS_URI))
async function defaults(authorization, scope) {
  try {
    const token = authorization.replace(/^Bearer /, '')
    const { payload } = await jwtVerify(token, asDocumented, { issuer: ISSUER, audience: AUDIENCE })
    return payload.scope?.split(' ').includes(scope) ? [200] : [403]
  } catch {
    return [401, 'Bearer']
  }
}

serve(DEFAULTS ? defaults : authorize)

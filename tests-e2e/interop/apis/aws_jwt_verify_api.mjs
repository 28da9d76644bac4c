import { JwtVerifier } from 'aws-jwt-verify'
import { SimpleJwksCache } from 'aws-jwt-verify/jwk'
import { ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, serve } from './serving.mjs'

// for http on this machine alone: its own fetcher knows https only
const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() }
const http = { jwksCache: new SimpleJwksCache({ fetcher }) }
const another = { jwksCache: new SimpleJwksCache({ fetcher }) }

// recipe begins
function customJwtCheck({ header, payload }) {
  if (header.typ !== 'at+jwt' || header.alg !== ALGORITHM || !payload.exp) throw new Error('not for this API')
}
const verifier = JwtVerifier.create({ issuer: ISSUER, audience: AUDIENCE, jwksUri: JWKS_URI, customJwtCheck }, http)
setInterval(() => verifier.hydrate().catch(() => {}), 300_000).unref() // otherwise it never fetches again
async function authorize(authorization, scope) {
  try {
    const claims = await verifier.verify(authorization.replace(/^Bearer /, ''), { graceSeconds: 60 })
    if (claims.scope?.split(' ').includes(scope)) return [200]
    return [403, `Bearer error="insufficient_scope", scope="${scope}"`]
  } catch {
    return [401, 'Bearer error="invalid_token"']
  }
}
// recipe ends

const asDocumented = JwtVerifier.create({ issuer: ISSUER, audience: AUDIENCE, jwksUri: JWKS_URI }, another)
async function defaults(authorization, scope) {
  try {
    const claims = await asDocumented.verify(authorization.replace(/^Bearer /, ''))
    return claims.scope?.split(' ').includes(scope) ? [200] : [403]
  } catch {
    return [401, 'Bearer']
  }
}

serve(DEFAULTS ? defaults : authorize)

import OktaJwtVerifier from '@okta/jwt-verifier'
import { AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, serve } from './serving.mjs'

const testing = { disableHttpsCheck: true } // for http on this machine alone

// recipe begins
const verifier = new OktaJwtVerifier({ issuer: ISSUER, jwksUri: JWKS_URI, cacheMaxAge: 300_000, testing })
async function authorize(authorization, scope) {
  try {
    const { header, claims } = await verifier.verifyAccessToken(authorization.replace(/^Bearer /, ''), AUDIENCE)
    if (header.typ !== 'at+jwt' || !claims.exp) return [401, 'Bearer error="invalid_token"']
    if (claims.scope?.split(' ').includes(scope)) return [200]
    return [403, `Bearer error="insufficient_scope", scope="${scope}"`]
  } catch {
    return [401, 'Bearer error="invalid_token"']
  }
}
// recipe ends

const asDocumented = new OktaJwtVerifier({ issuer: ISSUER, jwksUri: JWKS_URI, testing })
async function defaults(authorization, scope) {
  try {
    const { claims } = await asDocumented.verifyAccessToken(authorization.replace(/^Bearer /, ''), AUDIENCE)
    return claims.scope?.split(' ').includes(scope) ? [200] : [403]
  } catch {
    return [401, 'Bearer']
  }
}

serve(DEFAULTS ? defaults : authorize)

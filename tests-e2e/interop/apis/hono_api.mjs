import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { jwk } from 'hono/jwk'
import { ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE } from './serving.mjs'

const app = new Hono()

// recipe begins
let keySet, until = 0
async function keys() { // jwks_uri in its place would be fetched at every request
  if (Date.now() < until) return keySet
  keySet = (await (await fetch(JWKS_URI)).json()).keys
  until = Date.now() + 300_000
  return keySet
}
const verification = { iss: ISSUER, aud: AUDIENCE, typ: 'at+jwt', exp: false, iat: false } // it has no leeway
const authenticate = jwk({ keys, alg: [ALGORITHM], verification })
async function requireScope(context, next) {
  const { exp, scope } = context.get('jwtPayload')
  const challenge = { 'WWW-Authenticate': 'Bearer error="invalid_token"' }
  if (!(exp > Date.now() / 1000 - 60)) return context.body(null, 401, challenge)
  return scope?.split(' ').includes(SCOPE) ? next() : context.body(null, 403)
}
// recipe ends

async function requireScopeAsIs(context, next) {
  return context.get('jwtPayload').scope?.split(' ').includes(SCOPE) ? next() : context.body(null, 403)
}
const few = { typ: 'at+jwt', iss: ISSUER, aud: AUDIENCE }
const asDocumented = jwk({ jwks_uri: JWKS_URI, alg: [ALGORITHM], verification: few })
const checks = DEFAULTS ? [asDocumented, requireScopeAsIs] : [authenticate, requireScope]
app.get('/timesheets', ...checks, (context) => context.json({ timesheets: [] }))
serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' })

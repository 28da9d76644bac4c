import express from 'express'
import { expressjwt } from 'express-jwt'
import { expressJwtSecret } from 'jwks-rsa'
import { ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE } from './serving.mjs'

const app = express()

// recipe begins
const authenticate = expressjwt({
  secret: expressJwtSecret({ jwksUri: JWKS_URI, cache: true, cacheMaxAge: 300_000, rateLimit: true }),
  issuer: ISSUER, audience: AUDIENCE, algorithms: [ALGORITHM], clockTolerance: 60,
  isRevoked: (request, { header, payload }) => header.typ !== 'at+jwt' || !payload.exp, // the header is here only
})
const requireScope = ({ auth }, response, next) =>
  auth.scope?.split(' ').includes(SCOPE) ? next() : response.status(403).end()
function refused(error, request, response, next) {
  if (error.status !== 401) return next(error)
  response.status(401).set('WWW-Authenticate', 'Bearer error="invalid_token"').end()
}
// recipe ends

const asDocumented = expressjwt({
  secret: expressJwtSecret({ jwksUri: JWKS_URI, cache: true, rateLimit: true }),
  issuer: ISSUER,
  audience: AUDIENCE,
  algorithms: [ALGORITHM],
})
const check = DEFAULTS ? asDocumented : authenticate
app.get('/timesheets', check, requireScope, (request, response) => response.json({ timesheets: [] }))
if (!DEFAULTS) app.use(refused)
app.listen(Number(PORT), '127.0.0.1')

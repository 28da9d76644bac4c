import express from 'express'
import { passportJwtSecret } from 'jwks-rsa'
import passport from 'passport'
import { ExtractJwt, Strategy } from 'passport-jwt'
import { ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE } from './serving.mjs'

const app = express()

// recipe begins
const options = {
  jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
  secretOrKeyProvider: passportJwtSecret({ jwksUri: JWKS_URI, cache: true, cacheMaxAge: 300_000, rateLimit: true }),
  issuer: ISSUER, audience: AUDIENCE, algorithms: [ALGORITHM],
  jsonWebTokenOptions: { clockTolerance: 60, complete: true },
}
const strategy = new Strategy(options, ({ header, payload }, done) =>
  done(null, header.typ === 'at+jwt' && payload.exp && { scope: payload.scope ?? '' }))
const authenticate = passport.authenticate('jwt', { session: false, failWithError: true })
const requireScope = ({ user }, response, next) =>
  user.scope.split(' ').includes(SCOPE) ? next() : response.status(403).end()
function refused(error, request, response, next) {
  if (error.status !== 401) return next(error)
  response.status(401).set('WWW-Authenticate', 'Bearer error="invalid_token"').end()
}
// recipe ends

const asDocumented = new Strategy(
  {
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    secretOrKeyProvider: passportJwtSecret({ jwksUri: JWKS_URI, cache: true, rateLimit: true }),
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: [ALGORITHM],
  },
  (payload, done) => done(null, { scope: payload.scope ?? '' }),
)
passport.use(DEFAULTS ? asDocumented : strategy)
const check = DEFAULTS ? passport.authenticate('jwt', { session: false }) : authenticate
app.get('/timesheets', check, requireScope, (request, response) => response.json({ timesheets: [] }))
if (!DEFAULTS) app.use(refused)
app.listen(Number(PORT), '127.0.0.1')

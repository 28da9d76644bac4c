import express from 'express'
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer'
import { ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, PORT, SCOPE } from './serving.mjs'

const app = express()

// recipe begins
const options = {
  issuerBaseURL: ISSUER, audience: AUDIENCE, strict: true, clockTolerance: 60,
  tokenSigningAlg: ALGORITHM, validators: { alg: ALGORITHM }, cacheMaxAge: 300_000,
}
// recipe ends

if (DEFAULTS) app.use(auth({ issuerBaseURL: ISSUER, audience: AUDIENCE }))
else app.use(auth(options))
app.get('/timesheets', requiredScopes(SCOPE), (request, response) => response.json({ timesheets: [] }))
app.use((error, request, response, next) => response.status(error.status ?? 500).set(error.headers ?? {}).end())
app.listen(Number(PORT), '127.0.0.1')

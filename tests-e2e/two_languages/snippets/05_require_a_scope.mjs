import express from 'express'
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer'

const { AUDIENCE, ISSUER, PORT } = process.env
const app = express()
app.use(auth({
  issuer: ISSUER,
  audience: AUDIENCE,
  jwksUri: `${ISSUER}/.well-known/jwks.json`,
  tokenSigningAlg: 'RS256',
  strict: true, // the typ at+jwt, and the claims that RFC 9068 requires
}))

app.get('/reports', requiredScopes('read:timesheets'), (request, response) => {
  response.json({ for: request.auth.payload.client_id })
})

app.use((error, request, response, next) => { // without this, the page has a stack trace
  response.status(error.status ?? 500).set(error.headers ?? {}).end()
})
app.listen(Number(PORT), '127.0.0.1')

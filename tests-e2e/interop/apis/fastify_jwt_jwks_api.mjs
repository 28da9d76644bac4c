import Fastify from 'fastify'
import jwtJwks from 'fastify-jwt-jwks'
import { AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE } from './serving.mjs'

const app = Fastify()

// recipe begins
const options = {
  jwksUrl: JWKS_URI, issuer: ISSUER, audience: AUDIENCE, requiredClaims: ['exp', 'aud', 'iss'],
  clockTolerance: 60_000, secretsTtl: 300_000, complete: true, // both in milliseconds
}
async function authorize(request, reply) {
  await app.authenticate(request).catch(() => null)
  const { header, payload } = request.user ?? {}
  const challenge = 'Bearer error="invalid_token"'
  if (header?.typ !== 'at+jwt') return reply.code(401).header('WWW-Authenticate', challenge).send()
  if (!payload.scope?.split(' ').includes(SCOPE)) return reply.code(403).send()
}
// recipe ends

async function authorizeAsDocumented(request, reply) {
  await app.authenticate(request)
  if (!request.user.scope?.split(' ').includes(SCOPE)) return reply.code(403).send()
}
await app.register(jwtJwks, DEFAULTS ? { jwksUrl: JWKS_URI, issuer: ISSUER, audience: AUDIENCE } : options)
app.get('/timesheets', { onRequest: DEFAULTS ? authorizeAsDocumented : authorize }, async () => ({ timesheets: [] }))
await app.listen({ port: Number(PORT), host: '127.0.0.1' })

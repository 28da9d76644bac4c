import { createPublicKey } from 'node:crypto'
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import buildGetJwks from 'get-jwks'
import { ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, PORT, SCOPE } from './serving.mjs'

const app = Fastify()
// recipe begins
const getJwks = buildGetJwks({ issuersWhitelist: [ISSUER], ttl: 300_000 })
async function key(request, { header: { typ, alg, kid } }) {
  getJwks.cache.purgeStale(), getJwks.staleCache.clear() // else a withdrawn key counts while it is in use
  const jwk = typ === 'at+jwt' && (await getJwks.getJwk({ domain: ISSUER, alg, kid }))
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) // takes Ed25519
}
const verify = {
  allowedIss: ISSUER, allowedAud: AUDIENCE, algorithms: [ALGORITHM],
  requiredClaims: ['exp', 'aud', 'iss'], clockTolerance: 60_000, // milliseconds
}
async function authorize(request, reply) {
  const claims = await request.jwtVerify().catch(() => null)
  if (!claims) return reply.code(401).header('WWW-Authenticate', 'Bearer error="invalid_token"').send()
  if (!claims.scope?.split(' ').includes(SCOPE)) return reply.code(403).send()
}
// recipe ends

if (DEFAULTS) {
  const asDocumented = buildGetJwks({ issuersWhitelist: [ISSUER] })
  app.register(jwt, {
    decode: { complete: true },
    verify: { allowedIss: ISSUER, allowedAud: AUDIENCE },
    secret: (request, { header: { kid, alg }, payload: { iss } }, callback) =>
      asDocumented.getPublicKey({ kid, domain: iss, alg }).then((found) => callback(null, found), callback),
  })
} else {
  app.register(jwt, { decode: { complete: true }, verify, secret: key })
}
async function authorizeAsDocumented(request, reply) {
  const { scope } = await request.jwtVerify()
  if (!scope?.split(' ').includes(SCOPE)) return reply.code(403).send()
}
app.get('/timesheets', { onRequest: DEFAULTS ? authorizeAsDocumented : authorize }, async () => ({ timesheets: [] }))
await app.listen({ port: Number(PORT), host: '127.0.0.1' })

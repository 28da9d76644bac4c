import { createServer } from 'node:http'
import * as oauth from 'oauth4webapi'
import { ALGORITHM, AUDIENCE, DEFAULTS, ISSUER, JWKS_URI, PORT, SCOPE } from './serving.mjs'

const issuer = { issuer: ISSUER, jwks_uri: JWKS_URI }
const http = { [oauth.allowInsecureRequests]: true } // for http on this machine alone

// recipe begins
async function authorize(request, scope) {
  try {
    const options = { ...http, signingAlgorithms: [ALGORITHM], [oauth.clockTolerance]: 60 }
    const claims = await oauth.validateJwtAccessToken(issuer, request, AUDIENCE, options)
    if (claims.scope?.split(' ').includes(scope)) return [200]
    return [403, `Bearer error="insufficient_scope", scope="${scope}"`]
  } catch {
    return [401, 'Bearer error="invalid_token"']
  }
}
// recipe ends

async function defaults(request, scope) {
  try {
    const claims = await oauth.validateJwtAccessToken(issuer, request, AUDIENCE, http)
    return claims.scope?.split(' ').includes(scope) ? [200] : [403]
  } catch (error) {
    if (error instanceof oauth.WWWAuthenticateChallengeError) return [error.status, 'Bearer']
    return [401, 'Bearer']
  }
}

createServer(async ({ headers }, response) => {
  const { authorization } = headers
  const request = new Request(`${AUDIENCE}/timesheets`, { headers: authorization ? { authorization } : {} })
  const [status, challenge] = await (DEFAULTS ? defaults : authorize)(request, SCOPE).catch(() => [500])
  response.writeHead(status, challenge ? { 'WWW-Authenticate': challenge } : {}).end()
}).listen(Number(PORT), '127.0.0.1')

// The settings of a program, and a server for checks that come without a web framework.
import { createServer } from 'node:http'

export const { ISSUER, JWKS_URI, AUDIENCE, SCOPE, ALGORITHM, PORT } = process.env
export const DEFAULTS = process.env.CHECKS === 'defaults' // the fewest settings that take a token of ours

// Serve GET /timesheets. `authorize` takes the Authorization header and a scope, and returns status and challenge.
export function serve(authorize) {
  createServer(async (request, response) => {
    const header = request.headers.authorization
    let answer = [401, 'Bearer']
    if (header) answer = await authorize(header, SCOPE).catch(() => [500, '']) // as a web framework does
    const [status, challenge] = answer
    response.writeHead(status, challenge ? { 'WWW-Authenticate': challenge } : {}).end()
  }).listen(Number(PORT), '127.0.0.1')
}

#!/bin/sh
# passport-jwt 4.0.1: its 401 has no WWW-Authenticate, which RFC 9110 15.5.2 demands and OAuth clients wait for.
#
# Passport says that it sets the header according to the strategies in use, and does so for a strategy that fails with a
# text. passport-jwt fails with an Error, which passport leaves out. A client that renews its token after a challenge with
# invalid_token then keeps the old one. Use `failWithError: true`, and write the challenge in an error handler.
#
# Seen on Node 20.20 with passport-jwt 4.0.1, passport 0.7.0, express 5.3.0 and passport-http-bearer 1.0.1:
#   passport-http-bearer: 401, WWW-Authenticate: Bearer realm="Users", error="invalid_token"
#   passport-jwt: 401, WWW-Authenticate: undefined
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"type": "module"}' >package.json
npm install --silent --no-audit --no-fund \
    passport@0.7.0 passport-jwt@4.0.1 passport-http-bearer@1.0.1 express@5.3.0 >/dev/null
cat >seen.js <<'NODE'
import http from 'node:http'
import express from 'express'
import passport from 'passport'
import { Strategy as Bearer } from 'passport-http-bearer'
import { ExtractJwt, Strategy as Jwt } from 'passport-jwt'

const jwtFromRequest = ExtractJwt.fromAuthHeaderAsBearerToken()
const app = express()
const strategies = {
  'passport-http-bearer': new Bearer((token, done) => done(null, false)),
  'passport-jwt': new Jwt({ jwtFromRequest, secretOrKey: 'a secret' }, (claims, done) => done(null, claims)),
}
for (const [name, strategy] of Object.entries(strategies))
  app.get(`/${name}`, passport.authenticate(strategy, { session: false }))
const server = app.listen(0, '127.0.0.1', async () => {
  for (const path of Object.keys(strategies)) {
    const options = { port: server.address().port, path: `/${path}`, headers: { authorization: 'Bearer expired' } }
    const answer = await new Promise((done) => http.get(options, done))
    console.log(`${path}: ${answer.statusCode}, WWW-Authenticate: ${answer.headers['www-authenticate']}`)
    answer.resume()
  }
  server.close()
  server.closeAllConnections()
})
NODE
node seen.js | tee seen
diff - seen <<'SEEN'
passport-http-bearer: 401, WWW-Authenticate: Bearer realm="Users", error="invalid_token"
passport-jwt: 401, WWW-Authenticate: undefined
SEEN

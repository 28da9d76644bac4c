import * as openid from 'openid-client'

const { AUDIENCE, CLIENT_ID, ISSUER } = process.env
const answer = await fetch(`${AUDIENCE}/.well-known/oauth-protected-resource`)
const { resource, authorization_servers: [issuer] } = await answer.json()
if (resource !== AUDIENCE) throw new Error('this is about something else') // RFC 9728 3.3
if (issuer !== ISSUER) throw new Error(`${issuer} is not the server that this client trusts`)
const config = await openid.discovery( // which compares the issuer (RFC 8414 3.3)
  new URL(issuer), CLIENT_ID, undefined, openid.None(),
  { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] },
)
console.log(config.serverMetadata().token_endpoint)

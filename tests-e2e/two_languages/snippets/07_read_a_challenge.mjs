import * as openid from 'openid-client'

const { API_URL, CLIENT_ID, ISSUER, TOKEN } = process.env
const config = await openid.discovery(
  new URL(ISSUER), CLIENT_ID, undefined, openid.None(),
  { execute: [openid.allowInsecureRequests] }, // for http on this machine
)
try {
  await openid.fetchProtectedResource(
    config, TOKEN, new URL(`${API_URL}/timesheets/1`), 'DELETE',
  )
} catch (error) {
  if (!(error instanceof openid.WWWAuthenticateChallengeError)) throw error
  const { parameters } = error.cause.find(({ scheme }) => scheme === 'bearer')
  console.log(error.status, parameters.error, parameters.scope)
}

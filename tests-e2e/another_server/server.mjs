// An authorization server from elsewhere, for one client and one API: `node server.mjs`. The environment variable
// CONFIGURATION is JSON: host, port, audience, scope, client (as in RFC 7591 2). It keeps everything in memory.
import { generateKeyPairSync } from 'node:crypto';
import { errors, Provider } from 'oidc-provider';

const { host, port, audience, scope, client } = JSON.parse(process.env.CONFIGURATION);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid: 'another', use: 'sig', alg: 'RS256' };

// recipe begins
const provider = new Provider(`http://${host}:${port}`, {
  jwks: { keys: [key] },
  scopes: scope.split(' '),
  clients: [{ grant_types: ['client_credentials'], response_types: [], redirect_uris: [], scope, ...client }],
  clientAuthMethods: ['client_secret_basic', 'private_key_jwt'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(ctx, resource) {
        if (resource !== audience) throw new errors.InvalidTarget();
        return { scope, audience, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg: 'RS256' } } };
      },
    },
  },
});
// recipe ends
provider.listen(port, host);

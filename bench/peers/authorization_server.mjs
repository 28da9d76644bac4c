// node-oidc-provider for one client and one API per algorithm, in two processes: `node authorization_server.mjs`.
// CONFIGURATION is JSON: port, client (as in RFC 7591 2), algorithms (by audience), scope. It keeps everything in memory.
import cluster from 'node:cluster';
import { generateKeyPairSync } from 'node:crypto';
import { errors, Provider } from 'oidc-provider';

const { port, client, algorithms, scope } = JSON.parse(process.env.CONFIGURATION);

function key(alg, ...parameters) {
  return { ...generateKeyPairSync(...parameters).privateKey.export({ format: 'jwk' }), kid: alg, use: 'sig', alg };
}

if (cluster.isPrimary) {
  cluster.fork();
  cluster.fork();
} else {
  new Provider(`http://127.0.0.1:${port}`, {
    jwks: { keys: [key('RS256', 'rsa', { modulusLength: 2048 }), key('ES256', 'ec', { namedCurve: 'P-256' })] },
    scopes: scope.split(' '),
    clients: [{ grant_types: ['client_credentials'], response_types: [], redirect_uris: [], scope, ...client }],
    clientAuthMethods: ['client_secret_basic'],
    routes: { token: '/oauth/token' },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(ctx, audience) {
          const alg = algorithms[audience];
          if (!alg) throw new errors.InvalidTarget();
          return { scope, audience, accessTokenFormat: 'jwt', accessTokenTTL: 3600, jwt: { sign: { alg } } };
        },
      },
    },
  }).listen(port, '127.0.0.1');
}

// npm's oidc-provider on loopback, for the tests: node provider.mjs MODULES PORT CLIENT_ID SECRET REDIRECT_URI
// Whoever signs in with any password is that account; "unverified" has an address that is not verified.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, port, clientId, clientSecret, redirectUri] = process.argv.slice(2);
const entry = createRequire(`${modules}/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(entry));

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    { client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@example.org`,
      email_verified: id !== 'unverified',
      groups: id === 'grace' ? ['newsletter-admins'] : [],
    }),
  }),
  pkce: { required: () => true },
  cookies: { keys: ['for tests only'] },
});
provider.listen(Number(port), '127.0.0.1');

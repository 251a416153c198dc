// Walks the list of users with Microsoft's own SDK and its PageIterator, and says how long it took.
//
// GRAPH_URL, LOGIN_URL, TENANT_ID, CLIENT_ID and CLIENT_SECRET say where; PATH_AND_QUERY says what.

import { Client, PageIterator } from '@microsoft/microsoft-graph-client';

const { GRAPH_URL, LOGIN_URL, TENANT_ID, CLIENT_ID, CLIENT_SECRET, PATH_AND_QUERY } = process.env;

const answer = await fetch(`${LOGIN_URL}/${TENANT_ID}/oauth2/v2.0/token`, {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    scope: `${GRAPH_URL}/.default`,
  }),
});
const token = (await answer.json()).access_token;

// The SDK follows https links only, and the simulator speaks http: links are https to the SDK and
// http on the wire. Nothing else stands between them.
const [plain, secure] = [GRAPH_URL, GRAPH_URL.replace('http://', 'https://')];
let requests = 0;
const wire = {
  async execute(context) {
    requests += 1;
    const url = String(context.request).replace(secure, plain);
    const headers = { ...context.options.headers, authorization: `Bearer ${token}` };
    const got = await fetch(url, { headers });
    const body = (await got.text()).replace(`"@odata.nextLink":"${plain}`, `"@odata.nextLink":"${secure}`);
    context.response = new Response(body, { status: got.status, headers: { 'content-type': 'application/json' } });
  },
};
const client = Client.initWithMiddleware({
  middleware: wire,
  baseUrl: secure,
  customHosts: new Set([new URL(GRAPH_URL).hostname]),
});

let users = 0;
const began = performance.now();
const first = await client.api(PATH_AND_QUERY).header('ConsistencyLevel', 'eventual').get();
const iterator = new PageIterator(client, first, () => { users += 1; return true; }, {
  headers: { ConsistencyLevel: 'eventual' },
});
await iterator.iterate();
console.log(JSON.stringify({ users, requests, seconds: (performance.now() - began) / 1000 }));

// Two clients in one room, on a line that is cut now and then. It runs wherever
// there are a WebSocket and ES modules, so it uses nothing else of its host.
const count = 40;

export async function smoke({ connect, url, token, room, WebSocket }) {
  const clients = [0, 1].map(() => connect(url, { getToken: async () => token, ...(WebSocket && { WebSocket }) }));
  const [here, there] = clients.map((client) => client.join(room));
  await Promise.all([here, there].map((r) => new Promise((done) => r.on("joined", done))));
  const got = [];
  const reading = (async () => {
    for await (const message of here) if (got.push(message.data.n) === count) return;
  })();
  const published = [];
  for (let n = 0; n < count; n++) {
    published.push(there.publish({ n }));
    await new Promise((done) => setTimeout(done, 25));
  }
  await Promise.all(published);
  await reading;
  for (const client of clients) client.check();
  let page;
  while (!page) page = await here.history({ before: 1e9, limit: 1 }).catch(() => new Promise((done) => setTimeout(done, 50)));
  const { messages } = page;
  for (const client of clients) client.close();
  const wanted = Array.from({ length: count }, (_, n) => n).join();
  if (got.join() !== wanted) throw new Error(`got ${got}`);
  if (messages[0].data.n !== count - 1) throw new Error(`history ended with ${JSON.stringify(messages)}`);
  return "ok";
}

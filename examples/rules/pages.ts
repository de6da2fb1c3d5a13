// Reads all pages of a JSON API, as the header Link leads from one to the next, and prints what has no owner.
//
//   cla run pages.ts --secret API_TOKEN --stash api=https://api.example.com
interface Server {
  name: string;
  owner: string | null;
}

/** The URL of the next page, if there is one: `<https://...?page=2>; rel="next"`. */
function next(link: string | null, base: string): string | undefined {
  const found = /<([^>]+)>;\s*rel="?next"?/.exec(link ?? "");
  return found === null ? undefined : new URL(found[1], base).href;
}

async function* servers(api: string): AsyncGenerator<Server> {
  const headers = { authorization: `Bearer ${cla.secret("API_TOKEN")}` };
  for (let url: string | undefined = `${api}/servers`; url !== undefined; ) {
    const answer: Response = await fetch(url, { headers, signal: AbortSignal.timeout(30_000) });
    if (!answer.ok) throw new Error(`${url}: status ${answer.status}`);
    yield* (await answer.json()) as Server[];
    url = next(answer.headers.get("link"), url);
  }
}

let count = 0;
for await (const server of servers(cla.stash("api"))) {
  count += 1;
  if (server.owner === null) print(`${server.name} has no owner`);
}
print(`${count} servers`);

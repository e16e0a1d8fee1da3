// Two servers on `Deno.serve`, for what the runtime itself takes.
// Usage: deno run --allow-net deno_serve.ts fetch|memory PORT UPSTREAM
//   fetch   a rewriting proxy as one would write it in Deno
//   memory  no proxy: each answer is fetched once and stays
const [mode, port, upstream] = Deno.args;

async function forward(url: string): Promise<Response> {
  const { pathname, search } = new URL(url);
  const answer = await fetch(upstream + pathname + search);
  const body = await answer.text();
  return new Response(body.replaceAll("us-east-1", "us-iso-east-1"), {
    status: answer.status,
    headers: { "content-type": answer.headers.get("content-type") ?? "" },
  });
}

const answers = new Map<string, Uint8Array<ArrayBuffer>>();

async function remember(url: string): Promise<Response> {
  const bytes = new Uint8Array(await (await forward(url)).arrayBuffer());
  answers.set(url, bytes);
  return new Response(bytes);
}

Deno.serve(
  { hostname: "127.0.0.1", port: Number(port), onListen: () => {} },
  ({ url }) => {
    if (mode === "fetch") return forward(url);
    const bytes = answers.get(url);
    return bytes === undefined ? remember(url) : new Response(bytes);
  },
);

// Servers on `Deno.serve`: a proxy as one would write it, and two floors that
// show what the runtime itself takes.
// Usage: deno run --allow-net deno_serve.ts fetch|connect|memory PORT UPSTREAM_PORT
//   fetch    a rewriting proxy on fetch()
//   connect  a connection for each request, nothing checked: one read is the answer
//   memory   no proxy: each answer is fetched once and stays
const [mode, port, upstream] = Deno.args;

function rewritten(body: string): string {
  return body.replaceAll("us-east-1", "us-iso-east-1");
}

async function byFetch(target: string): Promise<Response> {
  const answer = await fetch(`http://127.0.0.1:${upstream}${target}`);
  const { status, headers } = answer;
  const type = headers.get("content-type") ?? "";
  return new Response(rewritten(await answer.text()), {
    status,
    headers: { "content-type": type },
  });
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function byConnect(target: string): Promise<Response> {
  const connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(upstream),
  });
  await connection.write(
    encoder.encode(
      `GET ${target} HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n\r\n`,
    ),
  );
  const own = new Uint8Array(4_096);
  const read = await connection.read(own) ?? 0;
  connection.close();
  const text = decoder.decode(own.subarray(0, read));
  return new Response(rewritten(text.slice(text.indexOf("\r\n\r\n") + 4)));
}

const answers = new Map<string, Uint8Array<ArrayBuffer>>();

async function byMemory(target: string): Promise<Response> {
  const bytes = new Uint8Array(await (await byFetch(target)).arrayBuffer());
  answers.set(target, bytes);
  return new Response(bytes);
}

Deno.serve(
  { hostname: "127.0.0.1", port: Number(port), onListen: () => {} },
  ({ url }) => {
    const target = url.slice(url.indexOf("/", 7));
    if (mode === "fetch") return byFetch(target);
    if (mode === "connect") return byConnect(target);
    const bytes = answers.get(target);
    return bytes === undefined ? byMemory(target) : new Response(bytes);
  },
);

/**
 * One HTTP exchange over a bare socket, so that nothing between the test and
 * the simulator tidies target or headers.
 *
 * @module
 */

/** An answer as it came. */
export interface RawAnswer {
  /** The status code. */
  readonly status: number;
  /** Header names and values in their order and case. */
  readonly headers: readonly (readonly [string, string])[];
  /** One header by its name in any case. */
  header(name: string): string | undefined;
  /** The body's bytes. */
  readonly body: Uint8Array;
  /** The body as text. */
  readonly text: string;
}

/**
 * Sends a request and reads until the server closes.
 *
 * @param port where on 127.0.0.1
 * @param method the method
 * @param target the target, byte for byte
 * @param headers further headers, one a line
 */
export async function rawRequest(
  port: number,
  method: string,
  target: string,
  headers: readonly string[] = [],
): Promise<RawAnswer> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = [
    `${method} ${target} HTTP/1.1`,
    "Host: 169.254.169.254",
    "Connection: close",
    ...headers,
  ];
  await connection.write(
    new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`),
  );
  const pieces: number[] = [];
  const buffer = new Uint8Array(16_384);
  for (;;) {
    const read = await connection.read(buffer);
    if (read === null) break;
    pieces.push(...buffer.subarray(0, read));
  }
  return parse(Uint8Array.from(pieces));
}

function parse(bytes: Uint8Array): RawAnswer {
  const latin1 = new TextDecoder("latin1").decode(bytes);
  const end = latin1.indexOf("\r\n\r\n");
  const [line = "", ...lines] = latin1.slice(0, end).split("\r\n");
  const headers = lines.map((text) => {
    const colon = text.indexOf(":");
    return [text.slice(0, colon), text.slice(colon + 1).trim()] as const;
  });
  const body = bytes.slice(end + 4);
  return {
    status: Number(line.split(" ")[1]),
    headers,
    header: (name) =>
      headers.find(([own]) => own.toLowerCase() === name.toLowerCase())?.[1],
    body,
    text: new TextDecoder().decode(body),
  };
}

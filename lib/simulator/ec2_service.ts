/**
 * The EC2 metadata service: IMDSv1 and IMDSv2 over a tree. Where the real
 * service's behaviour is known from a public capture, the capture is named.
 *
 * @module
 */
import { STATUS_CODE, STATUS_TEXT } from "@std/http/status";
import { type AnswerHeader, respond, segmentsOf } from "./exchange.ts";
import {
  type Bytes,
  findNode,
  isDirectory,
  listDirectory,
  type MetadataTree,
  readLeaf,
} from "./metadata_tree.ts";

/**
 * The versions the EC2 metadata service lists at `/`, in its order. The list
 * stands in several public captures of 2023 and 2024.
 */
export const EC2_VERSIONS: readonly string[] = `
  1.0 2007-01-19 2007-03-01 2007-08-29 2007-10-10 2007-12-15
  2008-02-01 2008-09-01 2009-04-04 2011-01-01 2011-05-01 2012-01-12
  2014-02-25 2014-11-05 2015-10-20 2016-04-19 2016-06-30 2016-09-02
  2018-03-28 2018-08-17 2018-09-24 2019-10-01 2020-10-27 2021-01-03
  2021-03-23 2021-07-15 2022-09-24 2024-04-11 latest
`.trim().split(/\s+/);

/** Where tokens are issued: this very path, no other version, no slash. */
const TOKEN_PATH = "/latest/api/token";

const TOKEN_HEADER = "x-aws-ec2-metadata-token";
const TTL_HEADER = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds";

const SERVER: AnswerHeader = ["Server", "EC2ws"];
const PLAIN: AnswerHeader = ["Content-Type", "text/plain"];

/** What the service answers from. */
export interface Ec2Service {
  /** The data. */
  readonly tree: MetadataTree;
  /** The sessions. */
  readonly tokens: TokenStore;
  /** Whether GET and HEAD need a token. */
  readonly requireV2: boolean;
  /** The value of Last-Modified. */
  readonly lastModified: string;
  /** The clock, in milliseconds. */
  now(): number;
}

/**
 * Answers a request.
 *
 * @param request the request
 * @param path its path as sent
 * @param service the data, the sessions, the clock
 */
export function answerEc2(
  request: Request,
  path: string,
  service: Ec2Service,
): Response {
  const { method } = request;
  const isToken = path === TOKEN_PATH;
  const allow = isToken ? "OPTIONS, PUT" : "OPTIONS, GET, HEAD";
  if (method === "PUT") {
    return isToken ? issueToken(request, service) : forbidden();
  }
  if (!isToken && (method === "GET" || method === "HEAD")) {
    return read(request, path, service);
  }
  // cluster-api-provider-aws#1609 has a 200
  const status = method === "OPTIONS"
    ? STATUS_CODE.OK
    : STATUS_CODE.MethodNotAllowed;
  return respond(status, [["Allow", allow], PLAIN, SERVER]);
}

/** aws_credentials#47: 403 has no body. */
function forbidden(): Response {
  return respond(STATUS_CODE.Forbidden, [PLAIN, SERVER]);
}

function issueToken(request: Request, { tokens }: Ec2Service): Response {
  if (request.headers.has("x-forwarded-for")) return forbidden();
  const ttl = parseTokenTtl(request.headers.get(TTL_HEADER));
  if (ttl === undefined) return refused(STATUS_CODE.BadRequest);
  return respond(
    STATUS_CODE.OK,
    [[TTL_HEADER, String(ttl)], SERVER, PLAIN],
    tokens.issue(ttl),
  );
}

function read(request: Request, path: string, service: Ec2Service): Response {
  const { headers } = request;
  const token = headers.get(TOKEN_HEADER);
  const ttl = token === null ? 0 : service.tokens.remaining(token);
  if (ttl === 0 && (token !== null || service.requireV2)) {
    return refused(STATUS_CODE.Unauthorized);
  }
  const found = lookUp(segmentsOf(path), service);
  if (found === undefined) return refused(STATUS_CODE.NotFound);
  const { body, type, etag } = found;
  const all: (AnswerHeader | undefined)[] = [
    // With a token, every answer tells how long it still holds.
    ttl === 0 ? undefined : [TTL_HEADER, String(ttl)],
    ["Content-Type", type],
    ["Accept-Ranges", "none"],
    ["Last-Modified", service.lastModified],
    etag === undefined ? undefined : ["ETag", etag],
    SERVER,
  ];
  const present = all.filter((header) => header !== undefined);
  return respond(STATUS_CODE.OK, present, body);
}

/**
 * XHTML that calls itself iso-8859-1, with status code and phrase for title and
 * heading (datadog-agent#4857 has a 401, ndbench#47 a 404).
 */
function refused(status: 400 | 401 | 404): Response {
  const heading = `${status} - ${STATUS_TEXT[status]}`;
  return respond(
    status,
    [["Content-Type", "text/html"], SERVER],
    `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
  <head><title>${heading}</title></head>
  <body><h1>${heading}</h1></body>
</html>
`,
  );
}

interface Found {
  readonly body: string | Bytes;
  readonly type: string;
  /** Only some answers carry one. */
  readonly etag?: string;
}

function lookUp(
  segments: readonly string[] | undefined,
  { tree, now }: Ec2Service,
): Found | undefined {
  if (segments === undefined) return undefined;
  const [version, ...rest] = segments;
  const type = "text/plain";
  if (version === undefined) {
    const body = EC2_VERSIONS.join("\n");
    return { body, type, etag: etagOf(body) };
  }
  if (!EC2_VERSIONS.includes(version)) return undefined;
  const { openstack: _, ...sections } = tree;
  const [section] = rest;
  if (section === undefined) {
    return { body: Object.keys(sections).sort().join("\n"), type };
  }
  const node = findNode(sections, rest);
  if (node === undefined) return undefined;
  if (isDirectory(node)) return { body: listDirectory(node), type };
  const body = readLeaf(node, now());
  if (section === "meta-data") return { body, type };
  return {
    body,
    type: section === "user-data" ? "application/octet-stream" : type,
    etag: etagOf(body),
  };
}

/** A quoted decimal number, as kube2iam#119 shows one; here it is FNV-1a. */
function etagOf(body: string | Bytes): string {
  const bytes = typeof body === "string"
    ? new TextEncoder().encode(body)
    : body;
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `"${hash}"`;
}

/**
 * The longest a token may hold: six hours, in seconds.
 *
 * @see {@link https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html}
 */
const MAX_TOKEN_TTL = 21_600;

/** How many tokens are kept; the oldest goes first. */
const CAPACITY = 4_096;

/** What every token of the service begins with: `AQAEA…` in base64. */
const PREFIX = [1, 0, 4, 0];

/** A token is 40 bytes, so that its base64 ends in `==`. */
const TOKEN_BYTES = 40;

/**
 * Reads the lifetime a client asks for.
 *
 * @param text the header's value, where there was one
 * @returns seconds, 1 to {@linkcode MAX_TOKEN_TTL}; `undefined` otherwise
 */
function parseTokenTtl(text: string | null): number | undefined {
  if (text === null || !/^\d{1,5}$/.test(text)) return undefined;
  const ttl = Number(text);
  return ttl >= 1 && ttl <= MAX_TOKEN_TTL ? ttl : undefined;
}

/** Issues tokens and knows which still hold. */
export class TokenStore {
  readonly #now: () => number;
  readonly #expiries = new Map<string, number>();

  /**
   * Begins empty.
   *
   * @param now the clock, in milliseconds
   */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Makes a token in the form of the service's own: base64url, 56 characters.
   *
   * @param ttl how long it holds, in seconds
   */
  issue(ttl: number): string {
    const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
    bytes.set(PREFIX);
    const token = btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-").replaceAll("/", "_");
    this.#expiries.set(token, this.#now() + ttl * 1_000);
    // A map keeps the order of insertion: its first key is its oldest.
    const [oldest = ""] = this.#expiries.keys();
    if (this.#expiries.size > CAPACITY) this.#expiries.delete(oldest);
    return token;
  }

  /**
   * How long a token still holds.
   *
   * @param token the token as the client sent it
   * @returns whole seconds, rounded up; 0 for an expired or unknown one
   */
  remaining(token: string): number {
    const expiry = this.#expiries.get(token) ?? 0;
    return Math.max(0, Math.ceil((expiry - this.#now()) / 1_000));
  }
}

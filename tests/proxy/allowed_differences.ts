/**
 * The differences that the proxy may make, as data. Each row foretells from
 * the direct exchange what goes through the proxy, so that nothing is merely
 * tolerated. docs/fidelity.md holds the same table.
 *
 * @module
 */
import { STATUS_CODES } from "node:http";
import { type RawAnswer, type RawHeader, valuesOf } from "../helpers/raw.ts";
import type { Received } from "../helpers/upstream.ts";
import { type FidelityCase, UPSTREAM } from "./fidelity_cases.ts";

/** A request as the upstream saw it. */
export type SeenRequest = Pick<
  Received,
  "method" | "target" | "version" | "headers" | "body"
>;

/** What one connection of a client brought about. */
export interface Exchange {
  /** What the upstream received. */
  readonly requests: readonly SeenRequest[];
  /** What the client got, answers of status 100 included. */
  readonly answers: readonly RawAnswer[];
}

/** What a prediction may look at beside the direct exchange. */
export interface Circumstances {
  /** The case. */
  readonly of: FidelityCase;
  /** `HOST:PORT` of the upstream. */
  readonly authority: string;
  /** Whether the default map is in force. */
  readonly rewriting: boolean;
}

/** One row of the table. */
export interface AllowedDifference {
  /** Its name. */
  readonly id: string;
  /** What differs. */
  readonly what: string;
  /** Why. */
  readonly cause: string;
  /** The exchange with this difference. */
  readonly predict: (direct: Exchange, at: Circumstances) => Exchange;
}

/** Stands for the time of the test in a Date header. */
export const NOW = "(now)";

const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
];
/** What the service decides by goes up, whatever Connection says. */
const NEVER_NAMED = [
  "host",
  "x-forwarded-for",
  "x-aws-ec2-metadata-token",
  "x-aws-ec2-metadata-token-ttl-seconds",
];
const VALIDATORS = ["etag", "content-md5"];

type Change<T> = (value: T, index: number, at: Circumstances) => T;

function onRequests(change: Change<SeenRequest>): AllowedDifference["predict"] {
  return ({ requests, answers }, at) => ({
    answers,
    requests: requests.map((request, i) => change(request, i, at)),
  });
}

function onAnswers(change: Change<RawAnswer>): AllowedDifference["predict"] {
  return ({ requests, answers }, at) => ({
    requests,
    answers: answers.map((answer, i) => change(answer, i, at)),
  });
}

function is(...names: readonly string[]): (header: RawHeader) => boolean {
  return ([name]) => names.includes(name.toLowerCase());
}

function not(test: (header: RawHeader) => boolean) {
  return (header: RawHeader) => !test(header);
}

/** The names a Connection header takes along, and those it always does. */
function hopByHop(message: { readonly headers: readonly RawHeader[] }) {
  const named = valuesOf(message, "connection").join(",").split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => !NEVER_NAMED.includes(name));
  return is(...HOP_BY_HOP, ...named);
}

function refusal(id: string): AllowedDifference["predict"] {
  return (direct, { of: { refused }, authority }) => {
    if (refused?.row !== id) return direct;
    const { status } = refused;
    const body = refused.body?.replace(UPSTREAM, authority);
    const answer: RawAnswer = {
      version: "HTTP/1.1",
      status,
      reason: STATUS_CODES[status] ?? "",
      headers: [
        ...(body === undefined
          ? []
          : [["Content-Type", "text/plain"] as const]),
        ["content-length", `${body?.length ?? 0}`],
        ["date", NOW],
        ...(body === undefined ? [["connection", "close"] as const] : []),
      ],
      body: body ?? "",
      complete: true,
    };
    // The upstream received the request where its answer is what is refused.
    const requests = id === "answer-refused" ? direct.requests : [];
    return { requests, answers: [answer] };
  };
}

function grouped(headers: readonly RawHeader[]): RawHeader[] {
  const names = [...new Set(headers.map(([name]) => name.toLowerCase()))];
  return names.flatMap((lower) => {
    const group = headers.filter(is(lower));
    return group.map(([, value]): RawHeader => [group[0]?.[0] ?? "", value]);
  });
}

/** The table. The rows apply one after the other. */
export const ALLOWED_DIFFERENCES: readonly AllowedDifference[] = [
  {
    id: "rewritten",
    what: "Regions in the body, and with them its ETag and Content-MD5",
    cause: "What the program is for",
    predict: onAnswers((answer, i, { of, rewriting }) => {
      const method = of.methods?.[i] ?? "GET";
      if (!rewriting || method !== "GET") return answer;
      const body = of.rewritten === "nothing"
        ? answer.body
        : of.rewritten === "zone"
        ? answer.body.replace(
          '"availability_zone": "us-east-1',
          '"availability_zone": "us-iso-east-1',
        )
        : answer.body.replaceAll("us-east-1", "us-iso-east-1");
      if (body === answer.body) return answer;
      const headers = answer.headers.filter(not(is(...VALIDATORS)));
      return { ...answer, body, headers };
    }),
  },
  {
    id: "head-length",
    what: "HEAD of what may be rewritten: no Content-Length",
    cause: "The length of a body that nobody saw is not known",
    predict: onAnswers((answer, i, { of, rewriting }) => {
      const method = of.methods?.[i] ?? "GET";
      if (!rewriting || method !== "HEAD" || of.rewritten === "nothing") {
        return answer;
      }
      return {
        ...answer,
        headers: answer.headers.filter(not(is("content-length"))),
      };
    }),
  },
  {
    id: "request-form",
    what: "Absolute-form targets go up in origin form, `*` as `/*`",
    cause: "`Deno.serve` takes targets apart; there is one upstream only",
    predict: onRequests((request) => ({
      ...request,
      target: request.target.replace(
        /^http:\/\/[^/]*|^(?=\*)/,
        (found) => found === "" ? "/" : "",
      ),
    })),
  },
  {
    id: "request-version",
    what: "Requests go up as HTTP/1.1, with a Host if there was none",
    cause: "The proxy asks as an HTTP/1.1 client, which must send a Host",
    predict: onRequests((request, _, { authority }) => ({
      ...request,
      version: "HTTP/1.1",
      headers: request.headers.some(is("host"))
        ? request.headers
        : [["Host", authority], ...request.headers],
    })),
  },
  {
    id: "request-hop-by-hop",
    what:
      "Hop-by-hop request fields and those Connection names stay behind, but for Host, the token and X-Forwarded-For; `Connection: close` goes up",
    cause: "RFC 9110, 7.6.1: they belong to one connection",
    predict: onRequests((request) => ({
      ...request,
      headers: [
        ...request.headers.filter(not(hopByHop(request))),
        ["Connection", "close"],
      ],
    })),
  },
  {
    id: "answer-interim",
    what: "Answers of status 100 to 199 from the upstream stay behind",
    cause: "`Deno.serve` cannot send them; nobody asked for one",
    predict: ({ requests, answers }) => ({
      requests,
      answers: answers.filter(({ status }) => status >= 200),
    }),
  },
  {
    id: "request-expect",
    what:
      "Expect stays behind; the proxy itself answers 100 when it takes a body",
    cause: "`Deno.serve` does so when the body is read",
    predict: ({ requests, answers }, { of }) => ({
      requests: requests.map((request) => ({
        ...request,
        headers: request.headers.filter(not(is("expect"))),
      })),
      answers: of.methods?.[0] === "PUT" && of.request.includes("\r\nExpect:")
        ? [CONTINUE, ...answers]
        : answers,
    }),
  },
  {
    id: "request-framing",
    what:
      "The body goes up whole with a Content-Length of its own, after all end-to-end fields; GET and HEAD have none",
    cause: "No client's framing may reach the service",
    predict: onRequests((request) => {
      const rest = request.headers.filter(
        not(is("content-length", "transfer-encoding", "connection")),
      );
      const framed = request.method === "PUT" || request.body !== "";
      return {
        ...request,
        headers: [
          ...rest,
          ...(framed
            ? [["Content-Length", `${request.body.length}`] as const]
            : []),
          ...request.headers.filter(is("connection")),
        ],
      };
    }),
  },
  {
    id: "request-repeats",
    what: 'Repeated request fields are joined with ", " (Cookie with "; ")',
    cause: "`Deno.serve`; RFC 9110, 5.3 says it means the same",
    predict: onRequests((request) => {
      const names = new Map<string, RawHeader>();
      for (const [name, value] of request.headers) {
        const lower = name.toLowerCase();
        const before = names.get(lower);
        const joint = lower === "cookie" ? "; " : ", ";
        names.set(
          lower,
          before === undefined
            ? [name, value]
            : [before[0], `${before[1]}${joint}${value}`],
        );
      }
      return { ...request, headers: [...names.values()] };
    }),
  },
  {
    id: "request-names",
    what: "Request field names go up in lower case, Host first, then sorted",
    cause: "`Deno.serve` hands them over so; names have no case",
    predict: onRequests((request) => {
      const own = request.headers.filter(([name]) =>
        ["Content-Length", "Connection"].includes(name)
      );
      const others = request.headers.filter((header) => !own.includes(header))
        .map(([name, value]): RawHeader => [name.toLowerCase(), value]);
      return {
        ...request,
        headers: [
          ...others.filter(is("host")),
          ...others.filter(not(is("host"))).sort(([a], [b]) => a < b ? -1 : 1),
          ...own,
        ],
      };
    }),
  },
  {
    id: "request-encoding",
    what:
      "`Accept-Encoding: identity` goes up where the answer may be rewritten",
    cause: "A compressed answer would pass with the real region in it",
    predict: onRequests((request, _, { of, rewriting }) => {
      const isUntouched = of.rewritten === "nothing" && of.answer === undefined;
      const isRead = ["GET", "HEAD"].includes(request.method);
      if (!rewriting || isUntouched || !isRead) return request;
      const end = request.headers.filter(is("connection"));
      return {
        ...request,
        headers: [
          ...request.headers.filter(not(is("accept-encoding", "connection"))),
          ["accept-encoding", "identity"],
          ...end,
        ],
      };
    }),
  },
  {
    id: "answer-version",
    what: "The status line has the version of the client's request",
    cause: "`Deno.serve`",
    predict: onAnswers((answer, _, { of }) => ({
      ...answer,
      version: of.request.includes(" HTTP/1.0\r\n") ? "HTTP/1.0" : "HTTP/1.1",
    })),
  },
  {
    id: "answer-reason",
    what: "The reason phrase is the usual one for the status, or none",
    cause: "`Deno.serve` ignores `statusText`; clients ignore the phrase",
    predict: onAnswers((answer) => ({
      ...answer,
      reason: STATUS_CODES[answer.status] ?? "",
    })),
  },
  {
    id: "answer-hop-by-hop",
    what:
      "Hop-by-hop answer fields and those Connection names stay behind; a client that asks to close, or HTTP/1.0 to keep, is told so",
    cause: "RFC 9110, 7.6.1: they belong to one connection",
    predict: onAnswers((answer, _, { of }) => {
      const [told] = /^Connection: (close|keep-alive)$/m.exec(
        of.request.replaceAll("\r", ""),
      ) ?? [];
      const said = told?.includes("close")
        ? "close"
        : told !== undefined && of.request.includes(" HTTP/1.0\r\n")
        ? "keep-alive"
        : undefined;
      return answer.status < 200 ? answer : {
        ...answer,
        headers: [
          ...answer.headers.filter(not(hopByHop(answer))),
          ...(said === undefined ? [] : [["connection", said] as const]),
        ],
      };
    }),
  },
  {
    id: "answer-lone-type",
    what:
      "Content-Type in lower case, where an answer with a body up to 64 KiB has no other end-to-end field",
    cause: "`Deno.serve` writes it itself then; names have no case",
    predict: onAnswers((answer, i, { of }) => {
      const framing = ["content-length", "transfer-encoding", "connection"];
      const fields = answer.headers.filter(not(is(...framing)));
      const [field] = fields;
      if (
        field === undefined || fields.length > 1 ||
        !is("content-type")(field) ||
        of.methods?.[i] === "HEAD" || answer.status === 304
      ) return answer;
      return {
        ...answer,
        headers: answer.headers.map((header) =>
          header === field ? ["content-type", field[1]] : header
        ),
      };
    }),
  },
  {
    id: "answer-date",
    what: "An answer without a Date gains one",
    cause: "`Deno.serve`; RFC 9110, 6.6.1 asks for it",
    predict: onAnswers((answer) =>
      answer.status < 200 || answer.headers.some(is("date"))
        ? answer
        : { ...answer, headers: [...answer.headers, ["Date", NOW]] }
    ),
  },
  {
    id: "answer-repeats",
    what:
      "Repeated answer fields stand together and are all spelled like the first",
    cause: "`Deno.serve` keeps one spelling a name",
    predict: onAnswers((answer) => ({
      ...answer,
      headers: grouped(answer.headers),
    })),
  },
  {
    id: "answer-framing",
    what:
      "An answer up to 64 KiB comes with a Content-Length instead of chunks or an end by closing; 204 and 304 come without",
    cause: "Small bodies are rewritten whole; `Deno.serve` drops the length",
    predict: onAnswers((answer, i, { of }) => {
      if (answer.status < 200) return answer;
      const rest = answer.headers.filter(
        not(is("content-length", "transfer-encoding")),
      );
      const head = of.methods?.[i] === "HEAD";
      const [length] = valuesOf(answer, "content-length");
      const now = [204, 304].includes(answer.status)
        ? undefined
        : head
        ? length
        : `${answer.body.length}`;
      return {
        ...answer,
        headers: now === undefined ? rest : [...rest, ["Content-Length", now]],
      };
    }),
  },
  {
    id: "answer-own-fields",
    what: "Content-Length and Date come last, before Connection, in lower case",
    cause: "`Deno.serve` writes these itself",
    predict: onAnswers((answer) => {
      const own = ["content-length", "date", "connection"];
      return {
        ...answer,
        headers: [
          ...answer.headers.filter(not(is(...own))),
          ...own.flatMap((name) =>
            answer.headers.filter(is(name))
              .map(([, value]): RawHeader => [name, value])
          ),
        ],
      };
    }),
  },
  {
    id: "answer-refused",
    what:
      "Answers that are no HTTP, heads over 64 KiB, and the statuses 101, 205 and above 599: 502",
    cause: "`Deno.serve` cannot send these statuses; the rest has no meaning",
    predict: refusal("answer-refused"),
  },
  {
    id: "head-refused",
    what:
      "Heads with a space or bytes that are no UTF-8 in the target, a control byte there or in a value, a fold in a value, two Hosts, over 127 fields or over 64 KiB: an empty 400",
    cause: "`Deno.serve` answers them before any handler",
    predict: refusal("head-refused"),
  },
  {
    id: "upgrade-refused",
    what:
      "Connection: Upgrade with an Upgrade and any Content-Length or Transfer-Encoding, as Java's `HttpClient` sends them with PUT: an empty 400",
    cause:
      "`Deno.serve` answers it before any handler; set `version(HTTP_1_1)` in Java",
    predict: refusal("upgrade-refused"),
  },
  {
    id: "method-refused",
    what: "Methods other than GET, HEAD, PUT and OPTIONS: 405",
    cause: "Promise 6: the service knows no other",
    predict: refusal("method-refused"),
  },
  {
    id: "host-refused",
    what: "A Host with characters outside `[A-Za-z0-9.:_[]-]`: 400",
    cause: "Promise 2: it could shift the target",
    predict: refusal("host-refused"),
  },
  {
    id: "body-refused",
    what: "A GET or HEAD with a body: 400",
    cause: "Promise 2: `Deno.serve` drops the body and keeps its length",
    predict: refusal("body-refused"),
  },
  {
    id: "browser-refused",
    what: "Requests with Origin or Sec-Fetch-Site: 403",
    cause: "Promise 6: a web page must not reach the service",
    predict: refusal("browser-refused"),
  },
];

const CONTINUE: RawAnswer = {
  version: "HTTP/1.1",
  status: 100,
  reason: "Continue",
  headers: [],
  body: "",
  complete: true,
};

/**
 * The differences that the proxy may make, by their row in docs/fidelity.md,
 * which says what and why. Each foretells from the direct exchange what goes
 * through the proxy, so that nothing is merely tolerated.
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

/** Foretells an exchange from the direct one. */
type Predict = (direct: Exchange, at: Circumstances) => Exchange;

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

function onRequests(change: Change<SeenRequest>): Predict {
  return ({ requests, answers }, at) => ({
    answers,
    requests: requests.map((request, i) => change(request, i, at)),
  });
}

function onAnswers(change: Change<RawAnswer>): Predict {
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

function refusal(id: string): Predict {
  return (direct, { of: { refused }, authority }) => {
    if (refused?.row !== id) return direct;
    const { status } = refused;
    const body = refused.body?.replace(UPSTREAM, authority);
    const head: RawHeader[] = [
      ["content-length", `${body?.length ?? 0}`],
      ["date", NOW],
    ];
    const answer: RawAnswer = {
      version: "HTTP/1.1",
      status,
      reason: STATUS_CODES[status] ?? "",
      headers: body === undefined
        ? [...head, ["connection", "close"]]
        : [["Content-Type", "text/plain"], ...head],
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
export const ALLOWED_DIFFERENCES: Readonly<Record<string, Predict>> = {
  rewritten: onAnswers((answer, i, { of, rewriting }) => {
    const method = of.methods?.[i] ?? "GET";
    if (!rewriting || method !== "GET") return answer;
    const body = of.untouched
      ? answer.body
      : answer.body.replaceAll("us-east-1", "us-iso-east-1");
    if (body === answer.body) return answer;
    const headers = answer.headers.filter(not(is(...VALIDATORS)));
    return { ...answer, body, headers };
  }),
  "head-length": onAnswers((answer, i, { of, rewriting }) => {
    const method = of.methods?.[i] ?? "GET";
    if (!rewriting || method !== "HEAD" || of.untouched) {
      return answer;
    }
    return {
      ...answer,
      headers: answer.headers.filter(not(is("content-length"))),
    };
  }),
  "request-form": onRequests((request) => ({
    ...request,
    target: request.target.replace(
      /^http:\/\/[^/]*|^(?=\*)/,
      (found) => found === "" ? "/" : "",
    ),
  })),
  "request-version": onRequests((request, _, { authority }) => ({
    ...request,
    version: "HTTP/1.1",
    headers: request.headers.some(is("host"))
      ? request.headers
      : [["Host", authority], ...request.headers],
  })),
  "request-hop-by-hop": onRequests((request) => ({
    ...request,
    headers: [
      ...request.headers.filter(not(hopByHop(request))),
      ["Connection", "close"],
    ],
  })),
  "answer-interim": ({ requests, answers }) => ({
    requests,
    answers: answers.filter(({ status }) => status >= 200),
  }),
  "request-expect": ({ requests, answers }, { of }) => ({
    requests: requests.map((request) => ({
      ...request,
      headers: request.headers.filter(not(is("expect"))),
    })),
    answers: of.methods?.[0] === "PUT" && of.request.includes("\r\nExpect:")
      ? [CONTINUE, ...answers]
      : answers,
  }),
  "request-framing": onRequests((request) => {
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
  "request-repeats": onRequests((request) => {
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
  "request-names": onRequests((request) => {
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
  "request-encoding": onRequests((request, _, { of, rewriting }) => {
    const isUntouched = of.untouched && of.answer === undefined;
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
  "answer-version": onAnswers((answer, _, { of }) => ({
    ...answer,
    version: of.request.includes(" HTTP/1.0\r\n") ? "HTTP/1.0" : "HTTP/1.1",
  })),
  "answer-reason": onAnswers((answer) => ({
    ...answer,
    reason: STATUS_CODES[answer.status] ?? "",
  })),
  "answer-hop-by-hop": onAnswers((answer, _, { of }) => {
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
  "answer-lone-type": onAnswers((answer, i, { of }) => {
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
  "answer-date": onAnswers((answer) =>
    answer.status < 200 || answer.headers.some(is("date"))
      ? answer
      : { ...answer, headers: [...answer.headers, ["Date", NOW]] }
  ),
  "answer-repeats": onAnswers((answer) => ({
    ...answer,
    headers: grouped(answer.headers),
  })),
  "answer-framing": onAnswers((answer, i, { of }) => {
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
  "answer-own-fields": onAnswers((answer) => {
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
  "answer-refused": refusal("answer-refused"),
  "head-refused": refusal("head-refused"),
  "upgrade-refused": refusal("upgrade-refused"),
  "method-refused": refusal("method-refused"),
  "host-refused": refusal("host-refused"),
  "body-refused": refusal("body-refused"),
  "browser-refused": refusal("browser-refused"),
};

const CONTINUE: RawAnswer = {
  version: "HTTP/1.1",
  status: 100,
  reason: "Continue",
  headers: [],
  body: "",
  complete: true,
};

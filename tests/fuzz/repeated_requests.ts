/**
 * Requests that come again and again, the same and nearly the same, so that
 * answers are shared, and would be shared wrongly.
 *
 * @module
 */
import type { Random } from "../helpers/random.ts";

/** Targets whose answers are for one who asks, as servers may read them. */
export const PERSONAL_TARGETS: readonly string[] = [
  "/latest/api/token?r",
  "/latest/./api//%74oken?r",
  "/latest/meta-data/iam/security-credentials/role-us-east-1?r",
  "/2021-07-15/meta-data/identity-credentials/ec2/info?r",
];

/** Where the upstream answers with another status than 200. */
const STATUS = /[?&]s=(401|403|404|429|500|503)(?!\d)/;

/** Where the upstream says that its answer must not be kept. */
const UNKEPT = /[?&]no-store(?![\w-])/;

/** Targets whose answers are for everybody; the first ones are asked most. */
const PUBLIC_TARGETS: readonly string[] = [
  "/latest/meta-data/placement/region?r",
  "/latest/meta-data/placement/region?R",
  "/latest/meta-data/mac?no-store",
  "/latest/meta-data/placement/availability-zone?r",
  "/latest/user-data?r",
  "/latest/dynamic/instance-identity/document?r",
  "/openstack/latest/meta_data.json?r",
  "/latest/meta-data/mac?s=404",
];

/** Targets whose answers may be over the next moment. */
const PASSING_TARGETS: readonly string[] = [
  "/latest/meta-data/mac?s=401",
  "/latest/meta-data/mac?s=403",
  "/latest/meta-data/mac?s=429",
  "/latest/meta-data/mac?s=500",
];

/**
 * Differ in what makes requests another one, and in what makes none; the first
 * ones are said most.
 */
const HEADERS: readonly string[] = [
  "",
  "X-aws-ec2-metadata-token: a\r\n",
  "X-aws-ec2-metadata-token: b\r\n",
  "x-AWS-ec2-metadata-token:a\r\nConnection: keep-alive\r\n",
  "X-aws-ec2-metadata-token: a, b\r\n",
  "X-aws-ec2-metadata-token: a\r\nX-aws-ec2-metadata-token: b\r\n",
  "X-aws-ec2-metadata-token: a\r\nConnection: x-aws-ec2-metadata-token\r\n",
  "X-aws-ec2-metadata-token: a\r\nRange: bytes=0-3\r\n",
  'X-aws-ec2-metadata-token: a\r\nIf-None-Match: "a"\r\n',
  "X-aws-ec2-metadata-token: a\r\nCookie: a=b\r\n",
  "Authorization: Basic YTpi\r\n",
  "Accept: */*\r\n",
];

/**
 * Makes one of few requests.
 *
 * @param random draws it
 */
export function repeatedRequest(random: Random): string {
  const method = random.pick(["GET", "GET", "GET", "GET", "HEAD", "PUT"]);
  const target = repeatedTarget(random);
  const host = random.int(12) > 0 ? "169.254.169.254" : "h";
  const head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n` +
    often(random, HEADERS);
  return method === "PUT"
    ? `${head}Content-Length: 3\r\n\r\nabc`
    : `${head}\r\n`;
}

/**
 * Draws one of few targets.
 *
 * @param random draws it
 */
export function repeatedTarget(random: Random): string {
  switch (random.int(12)) {
    case 0:
      return random.pick(PASSING_TARGETS);
    case 1:
      return random.pick(PERSONAL_TARGETS);
  }
  return often(random, PUBLIC_TARGETS);
}

/** Draws every other time from the first three. */
function often(random: Random, texts: readonly string[]): string {
  return random.pick(random.int(2) > 0 ? texts.slice(0, 3) : texts);
}

/**
 * What the upstream answers with: a status line and fields that come of the
 * target alone.
 *
 * @param target what is asked for
 */
export function answerHeadOf(target: string): string {
  const [, status = "200"] = STATUS.exec(target) ?? [];
  return `HTTP/1.1 ${status} Said\r\n` +
    (UNKEPT.test(target) ? "Cache-Control: no-store\r\n" : "");
}

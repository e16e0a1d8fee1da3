/**
 * Who the proxy is: a name or number becomes the numeric uid, before anything
 * is changed.
 *
 * @module
 */
import { quote } from "../config/quote.ts";
import { UsageError } from "../config/usage_error.ts";
import type { Runner } from "../system/runner.ts";

/** One below the kernel's "no user", which iptables refuses too. */
export const HIGHEST_UID = 4_294_967_294;

/**
 * Resolves the proxy's user. A container's names need not be the host's, whose
 * numbers the kernel compares: a number is the safer form.
 *
 * @param user a user's name, or a uid
 * @throws {UsageError} when there is no such user, or for root
 */
export async function resolveUser(
  user: string,
  run: Runner,
): Promise<number> {
  if (/^0\d/.test(user)) {
    throw new UsageError(
      `Cannot use ${
        quote(user)
      } for --user: expected a uid without a leading 0`,
    );
  }
  const uid = /^\d+$/.test(user) ? Number(user) : await lookUp(user, run);
  if (uid > HIGHEST_UID) {
    throw new UsageError(
      `Cannot use ${
        quote(user)
      } for --user: expected a uid from 1 to ${HIGHEST_UID}`,
    );
  }
  if (uid === 0) {
    throw new UsageError(
      `Cannot use ${
        quote(user)
      } for --user: uid 0 would exempt every client that runs as root, name the proxy's own user`,
    );
  }
  return uid;
}

async function lookUp(name: string, run: Runner): Promise<number> {
  if (!/^[A-Za-z_][\w.@-]*\$?$/.test(name)) {
    throw new UsageError(
      `Cannot use ${quote(name)} for --user: expected a user's name or a uid`,
    );
  }
  const result = await run(["id", "-u", name]);
  if (typeof result === "string") {
    throw new UsageError(
      `Cannot look up ${quote(name)} for --user: id ${
        result === "timeout" ? "did not answer" : "is not on PATH"
      }, give the uid`,
    );
  }
  const uid = result.stdout.trim();
  if (result.code !== 0 || !/^\d+$/.test(uid)) {
    throw new UsageError(
      `Cannot use ${quote(name)} for --user: no such user here, give its uid`,
    );
  }
  return Number(uid);
}

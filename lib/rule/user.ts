/**
 * Who the proxy is: a name or number becomes the numeric uid, before anything
 * is changed.
 *
 * @module
 */
import { refuseRoot, type User } from "../config/sourced_value.ts";
import { quote, UsageError } from "../cli/message.ts";
import type { Runner } from "../system/runner.ts";

/**
 * Resolves the proxy's user.
 *
 * @param user a user's name, or a uid
 * @throws {UsageError} when there is no such user, or for root
 */
export async function resolveUser(user: User, run: Runner): Promise<number> {
  const uid = user.uid ?? await lookUp(user, run);
  return uid === 0 ? refuseRoot(user) : uid;
}

async function lookUp(user: User, run: Runner): Promise<number> {
  const result = await run(["id", "-u", user.text]);
  if (typeof result === "string") {
    throw new UsageError(
      `Cannot look up ${quote(user.text)} for ${user.source}: id ${
        result === "timeout" ? "did not answer" : "is not on PATH"
      }, give the uid`,
    );
  }
  const uid = result.stdout.trim();
  if (result.code !== 0 || !/^\d+$/.test(uid)) {
    throw new UsageError(
      `Cannot use ${quote(user.text)} for ${user.source}: ` +
        "no such user here, give its uid",
    );
  }
  return Number(uid);
}
